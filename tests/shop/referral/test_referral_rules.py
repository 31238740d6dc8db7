"""Codes, which rule wins, and what refunds leave: pure rules, the same in any order."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.ids import new_id
from kit.money import Fen
from shop.referral.models import CommissionRule
from shop.referral.rules import ALPHABET, CODE_CHARACTERS, earned, new_code, pick_rule, read_code

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LEADER, CAMPAIGN, SKU = uuid4(), uuid4(), uuid4()


def rule(**given: Any) -> CommissionRule:
    """Return a rule of a tenth."""
    told: dict[str, Any] = {"id": new_id(), "basis_points": 1000, "created_at": NOW}
    return CommissionRule(**(told | given))


class TestCode:
    """new_code, read_code."""

    def test_fits_a_scene_and_has_no_look_alikes(self) -> None:
        """Ten characters, letters and digits alone, none of which is taken for another."""
        codes = {new_code() for _ in range(1000)}
        assert len(codes) == 1000
        assert {len(code) for code in codes} == {CODE_CHARACTERS}
        assert set("".join(codes)) == set(ALPHABET)
        assert not set("ILOU") & set(ALPHABET)

    def test_is_read_in_small_letters_too(self) -> None:
        """Somebody may type it."""
        code = new_code()
        assert read_code(code.lower()) == code

    @pytest.mark.parametrize("text", ["", "ABC", "A" * 11, "ABCDEFGHI!", "ABCDEFGHIL", "ſ" * 10])
    def test_refuses_what_cannot_be_one(self, text: str) -> None:
        """Without a look into the database."""
        assert read_code(text) is None


class TestPickRule:
    """pick_rule: leader, then campaign, then SKU; the newer of two alike."""

    ORDERED: tuple[dict[str, UUID], ...] = (
        {},
        {"sku_id": SKU},
        {"campaign_id": CAMPAIGN},
        {"campaign_id": CAMPAIGN, "sku_id": SKU},
        {"leader_id": LEADER},
        {"leader_id": LEADER, "sku_id": SKU},
        {"leader_id": LEADER, "campaign_id": CAMPAIGN},
    )

    def test_the_most_specific_wins(self) -> None:
        """Whatever came first."""
        rules = [
            rule(created_at=NOW - timedelta(days=n), **scope)
            for n, scope in enumerate(self.ORDERED)
        ]
        for most in range(len(rules)):
            assert pick_rule(reversed(rules[: most + 1])) is rules[most]

    def test_the_newer_of_two_alike_wins(self) -> None:
        """An operator changes a promise by making another."""
        old, new = rule(), rule(created_at=NOW + timedelta(seconds=1))
        assert pick_rule([new, old]) is new
        assert pick_rule([]) is None


class TestEarned:
    """earned: of what is left, at any moment."""

    def test_a_share_is_rounded_down(self) -> None:
        """A fen that does not exist is not given."""
        assert earned(rule(basis_points=333), left_fen=999, units=1) == 33

    def test_a_fixed_amount_is_for_each_unit_and_never_more_than_was_paid(self) -> None:
        """At a price below the commission, the price is what is earned."""
        fixed = rule(basis_points=None, fixed_fen=Fen(300))
        assert earned(fixed, left_fen=2000, units=2) == 600
        assert earned(fixed, left_fen=500, units=2) == 500
        assert earned(fixed, left_fen=0, units=0) == 0

    @given(
        st.integers(1, 5000),
        st.integers(1, 99_999),
        st.lists(st.integers(1, 9), min_size=1, max_size=9),
    )
    def test_what_came_back_is_taken_exactly_whatever_the_parts(
        self, basis_points: int, price: int, parts: list[int]
    ) -> None:
        """The clawbacks of any sequence of refunds sum to what was earned."""
        share, left = rule(basis_points=basis_points), sum(parts)
        amounts = [earned(share, left_fen=left * price, units=left)]
        for part in parts:
            left -= part
            amounts.append(earned(share, left_fen=left * price, units=left))
        taken = [before - after for before, after in pairwise(amounts)]
        assert sum(taken) == amounts[0]
        assert min(taken) >= 0
        assert amounts[-1] == 0
