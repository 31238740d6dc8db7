"""Money is whole fen: nothing appears, nothing vanishes, and text is read in one way only."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kit.money import BASIS, MOST_FEN, Fen, from_yuan, share_of, split, to_yuan

AMOUNTS = st.integers(0, MOST_FEN).map(Fen)
WEIGHTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=50).filter(any)


class TestSplit:
    @given(AMOUNTS, WEIGHTS)
    @example(Fen(1), [1, 1, 1])
    @example(Fen(0), [1])
    def test_f95_parts_sum_to_the_whole(self, amount: Fen, weights: list[int]) -> None:
        parts = split(amount, weights=weights)
        assert sum(parts) == amount
        assert len(parts) == len(weights)

    @given(AMOUNTS, WEIGHTS)
    def test_f95_each_part_is_its_exact_share_rounded_one_way_or_the_other(
        self, amount: Fen, weights: list[int]
    ) -> None:
        total = sum(weights)
        for part, weight in zip(split(amount, weights=weights), weights, strict=True):
            assert part in (amount * weight // total, -(-amount * weight // total))

    @given(AMOUNTS, WEIGHTS)
    def test_gives_nothing_for_no_weight_and_never_less_for_more(
        self, amount: Fen, weights: list[int]
    ) -> None:
        pairs = sorted(zip(weights, split(amount, weights=weights), strict=True))
        assert all(part == 0 for weight, part in pairs if weight == 0)
        for (lighter, smaller), (heavier, larger) in pairwise(pairs):
            assert lighter == heavier or smaller <= larger

    @pytest.mark.parametrize(
        ("amount", "weights", "parts"),
        [
            (1, [1, 1, 1], [1, 0, 0]),
            (2, [1, 1, 1], [1, 1, 0]),
            (100, [1, 1, 1], [34, 33, 33]),
            (100, [1, 2], [33, 67]),
            (10, [0, 5], [0, 10]),
            (7, [3, 3, 1], [3, 3, 1]),
            (7, [5, 3], [4, 3]),
            (0, [1, 2], [0, 0]),
            (MOST_FEN, [1], [MOST_FEN]),
        ],
    )
    def test_gives_the_odd_fen_to_the_largest_remainder_then_to_the_earlier(
        self, amount: int, weights: list[int], parts: list[int]
    ) -> None:
        assert split(Fen(amount), weights=weights) == parts

    @pytest.mark.parametrize(
        ("amount", "weights"), [(-1, [1]), (1, []), (1, [0, 0]), (1, [2, -1]), (1, [-1])]
    )
    def test_refuses_what_cannot_be_divided(self, amount: int, weights: list[int]) -> None:
        with pytest.raises(ValueError, match="positive sum"):
            split(Fen(amount), weights=weights)


class TestShareOf:
    @given(AMOUNTS, st.integers(0, BASIS))
    def test_f95_is_rounded_down_and_never_more_than_the_whole(
        self, amount: Fen, points: int
    ) -> None:
        share = share_of(amount, basis_points=points)
        assert 0 <= share <= amount
        assert share * BASIS <= amount * points < (share + 1) * BASIS

    @pytest.mark.parametrize(
        ("amount", "points", "share"),
        [(9999, 1, 0), (10_000, 1, 1), (1050, 60, 6), (199, 5000, 99), (7, BASIS, 7), (7, 0, 0)],
    )
    def test_counts_in_hundredths_of_a_percent(self, amount: int, points: int, share: int) -> None:
        assert share_of(Fen(amount), basis_points=points) == share

    @pytest.mark.parametrize(("amount", "points"), [(-1, 1), (1, -1), (1, BASIS + 1)])
    def test_refuses_what_is_no_share(self, amount: int, points: int) -> None:
        with pytest.raises(ValueError, match="basis points"):
            share_of(Fen(amount), basis_points=points)


class TestToYuan:
    @pytest.mark.parametrize(
        ("fen", "text"),
        [
            (0, "0.00"),
            (1, "0.01"),
            (10, "0.10"),
            (1050, "10.50"),
            (-1, "-0.01"),
            (-1050, "-10.50"),
            (MOST_FEN, "100000000.00"),
        ],
    )
    def test_writes_two_decimals_always(self, fen: int, text: str) -> None:
        assert to_yuan(Fen(fen)) == text


class TestFromYuan:
    @given(st.integers(-MOST_FEN, MOST_FEN))
    def test_reads_back_what_to_yuan_wrote(self, fen: int) -> None:
        assert from_yuan(to_yuan(Fen(fen))) == fen

    @pytest.mark.parametrize(
        ("text", "fen"),
        [
            ("10", 1000),
            ("10.5", 1050),
            ("10.05", 1005),
            ("010.50", 1050),
            (" 10.50\n", 1050),
            ("-0.01", -1),
            ("-0.00", 0),
            ("0", 0),
        ],
    )
    def test_reads_at_most_two_decimals(self, text: str, fen: int) -> None:
        assert from_yuan(text) == fen

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " ",
            "10.",
            ".5",
            "10.505",
            "1,000.00",
            "1e3",
            "+1",
            "--1",
            "- 1",
            "0x10",
            "NaN",
            "inf",
            "10.5.0",
            "1 0",
            "¥10",
            "10元",
            "12345678901",
            "10.50\n10.50",
        ],
    )
    def test_a10_refuses_any_other_form(self, text: str) -> None:
        with pytest.raises(ValueError, match="yuan"):
            from_yuan(text)

    def test_a10_refuses_digits_of_other_scripts(self) -> None:
        for text in ("１０", "१०", "10.５"):
            with pytest.raises(ValueError, match="yuan"):
                from_yuan(text)
