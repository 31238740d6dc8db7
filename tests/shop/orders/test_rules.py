"""The pure rules of orders, without a database."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.money import MOST_FEN, Fen
from shop.catalog.models import RefundRule, Sku
from shop.orders import rules
from shop.orders.rules import BadLines, Bought, LimitReached, LineWanted, TotalTooLarge

ONE = UUID(int=1)


def sku(**limits: int | None) -> Sku:
    """Return a SKU with these limits."""
    return Sku(
        id=ONE, **({"limit_per_order": 10, "limit_per_day": None, "limit_ever": None} | limits)
    )


class TestCheckLines:
    """check_lines: what could be an order."""

    @pytest.mark.parametrize(
        "lines",
        [
            [],
            [LineWanted(ONE, 1), LineWanted(ONE, 2)],
            [LineWanted(ONE, 0)],
            [LineWanted(ONE, -1)],
            [LineWanted(ONE, 101)],
            [LineWanted(uuid4(), 1) for _ in range(21)],
        ],
        ids=["none", "twice", "zero", "negative", "too many", "too many lines"],
    )
    def test_c59_refuses_what_makes_no_sense(self, lines: list[LineWanted]) -> None:
        """Each with the same refusal."""
        with pytest.raises(BadLines):
            rules.check_lines(lines)

    def test_takes_the_largest_order(self) -> None:
        """Twenty lines of a hundred."""
        rules.check_lines([LineWanted(uuid4(), 100) for _ in range(20)])


class TestCheckLimits:
    """check_limits: order, day, life."""

    @pytest.mark.parametrize(
        ("limits", "quantity", "bought", "window"),
        [
            ({"limit_per_order": 2}, 3, Bought(0, 0), "order"),
            ({"limit_per_day": 3}, 2, Bought(2, 2), "day"),
            ({"limit_ever": 3}, 1, Bought(0, 3), "ever"),
        ],
    )
    def test_names_the_limit_and_what_is_left(
        self, limits: dict[str, int], quantity: int, bought: Bought, window: str
    ) -> None:
        """The client can say how many may still be had."""
        with pytest.raises(LimitReached) as refused:
            rules.check_limits(sku(**limits), quantity, bought)
        before = {"order": 0, "day": bought.today, "ever": bought.ever}[window]
        assert refused.value.details["window"] == window
        assert refused.value.details["left"] == next(iter(limits.values())) - before

    def test_allows_up_to_the_limit(self) -> None:
        """The last unit too."""
        rules.check_limits(sku(limit_per_day=3, limit_ever=5), 1, Bought(2, 4))
        assert not rules.has_member_limits(sku())
        assert rules.has_member_limits(sku(limit_ever=1))


class TestTotalOf:
    """total_of: the sum, in fen."""

    @given(st.lists(st.tuples(st.integers(1, 10**8), st.integers(1, 100)), max_size=20))
    def test_f96_is_the_exact_sum_or_refused(self, prices: list[tuple[int, int]]) -> None:
        """No overflow, no rounding."""
        whole = sum(price * quantity for price, quantity in prices)
        told = [(Fen(price), quantity) for price, quantity in prices]
        if whole > MOST_FEN:
            with pytest.raises(TotalTooLarge):
                rules.total_of(told)
        else:
            assert rules.total_of(told) == whole


class TestAllowsReturn:
    """allows_return and refund_rule_of: the promise decides."""

    @pytest.mark.parametrize("rule", RefundRule)
    @pytest.mark.parametrize("is_delivered", [True, False])
    def test_never_holds_from_delivery_on(self, rule: RefundRule, is_delivered: bool) -> None:
        """What was not delivered always goes back."""
        is_final = rule is RefundRule.NEVER and is_delivered
        assert rules.allows_return(rule, is_delivered=is_delivered) is not is_final
        assert rules.refund_rule_of({"refund_rule": rule.value}) is rule
