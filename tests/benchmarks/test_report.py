"""The frame of the benchmarks: turns, ratios, targets, and what is written."""

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import run, select
from benchmarks.frame import Benchmark, Plan, interleave
from benchmarks.report import Figure, alone, compared, table, write


class TestInterleave:
    """Ways take turns."""

    def test_goes_forwards_and_backwards(self) -> None:
        """No way always comes first, whose caches the next would find warm."""
        order: list[str] = []

        def way(name: str, value: float) -> float:
            order.append(name)
            return value

        measured = interleave({"a": lambda: way("a", 1.0), "b": lambda: way("b", 2.0)}, rounds=3)

        assert "".join(order) == "abbaab"
        assert measured == {"a": [1.0] * 3, "b": [2.0] * 3}


class TestCompared:
    """Two ways in the same rounds."""

    def test_takes_the_median_of_the_rounds_own_ratios(self) -> None:
        """A round in which the machine was busy slows both ways and leaves the ratio."""
        figure = compared("spine.a", [10, 1, 8], [20, 2, 10], unit="per s", note="", at_least=0.5)

        assert (figure.figure, figure.against, figure.ratio) == (8, 10, 0.5)
        assert figure.ok

    @pytest.mark.parametrize(
        ("ratio", "ok"), [(0.49, False), (0.5, True), (1.2, True), (1.3, False)]
    )
    def test_is_ok_within_the_limits(self, ratio: float, ok: bool) -> None:
        """Both ends count as met."""
        figure = compared("spine.a", [ratio], [1], unit="ms", note="", at_least=0.5, at_most=1.2)

        assert figure.ok is ok
        assert figure.target == "ratio >= 0.5 and ratio <= 1.2"


class TestAlone:
    """A figure with a limit or none."""

    def test_must_stay_below(self) -> None:
        """The limit itself is too much."""
        assert not alone("spine.a", [10], unit="s", note="", below=10).ok
        assert alone("spine.a", [1, 9, 30], unit="s", note="", below=10).ok
        assert alone("spine.a", [10], unit="s", note="").target is None


class TestWrite:
    """results/latest.json."""

    def test_has_the_promised_fields(self, tmp_path: Path) -> None:
        """Whoever reads it finds these names."""
        write([compared("spine.a", [2.0], [3.0], unit="s", note="n")], tmp_path / "new" / "a.json")

        (content,) = json.loads((tmp_path / "new" / "a.json").read_text())
        assert content == {
            "name": "spine.a",
            "figure": 2.0,
            "unit": "s",
            "against": 3.0,
            "ratio": 0.667,
            "target": None,
            "ok": True,
            "note": "n",
        }

    def test_shows_the_same_as_a_table(self) -> None:
        """A missed target is seen."""
        shown = table([alone("spine.a", [1234.56], unit="MB", note="all of it", below=700)])

        assert "1,234.6" in shown
        assert "NO" in shown
        assert "spine.a: all of it" in shown


class TestSelect:
    """ONLY=…"""

    def test_takes_the_beginning_of_any_name(self) -> None:
        """A benchmark with several figures runs for one of them, and gives that one alone."""
        both = Benchmark(("spine.a", "spine.b"), lambda _: [_figure("spine.a"), _figure("spine.b")])
        other = Benchmark(("cards.c",), lambda _: [_figure("cards.c")])

        assert select([both, other], "spine") == [both]
        assert select([both, other], "") == [both, other]
        assert [each.name for each in run([both], Plan(), only="spine.b")[0]] == ["spine.b"]

    def test_goes_on_after_one_that_breaks(self) -> None:
        """The other figures are worth having."""

        def broken(_: Plan) -> list[Figure]:
            raise RuntimeError

        figures, count = run(
            [Benchmark(("a",), broken), Benchmark(("b",), lambda _: [_figure("b")])], Plan()
        )

        assert ([each.name for each in figures], count) == (["b"], 1)


def _figure(name: str) -> Figure:
    return Figure(name, 1.0, "s")
