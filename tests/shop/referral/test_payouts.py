"""Reserving and confirming for leaders of any size: only what matters is read."""

from collections.abc import Sequence
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from kit.ids import new_id
from shop.orders import queries as orders
from shop.orders.models import OrderLine
from shop.referral import payouts
from shop.referral.models import CommissionStatus
from tests.factories.referrals import ReferralBench

S = CommissionStatus


def sales(bench: ReferralBench, many: int) -> tuple[UUID, list[UUID]]:
    """Return a leader, and orders on each of which 100 fen are payable, oldest first."""
    bench.rule()
    leader = bench.leader()
    made = [bench.sold(leader) for _ in range(many)]
    bench.mature()
    return leader, made


class TestReserve:
    """reserve: reads what came back, and nothing else."""

    def test_only_orders_of_which_something_came_back_are_read(
        self, bench: ReferralBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However many others are payable; what is taken back once is looked at no more."""
        leader, made = sales(bench, 3)
        bench.refund(made[1])
        real, read = orders.list_lines, list[UUID]()

        def reading(session: Session, order_ids: Sequence[UUID]) -> Sequence[OrderLine]:
            read.extend(order_ids)
            return real(session, order_ids)

        monkeypatch.setattr(orders, "list_lines", reading)
        bench.withdraw(leader, 50)
        assert read == [made[1]]
        assert bench.sums(leader) == (0, 150, 0, 0)

    def test_more_orders_than_a_statement_has_places(self, bench: ReferralBench) -> None:
        """The protocol counts parameters by 16 bits."""
        with bench.begin() as session:
            assert orders.list_lines(session, [new_id() for _ in range(66_000)]) == []


class TestConfirm:
    """confirm: marks the oldest that are covered, however many they are."""

    @pytest.mark.parametrize(("fen", "paid"), [(100, 1), (250, 2), (400, 4), (500, 5)])
    def test_marks_in_parts_what_is_covered(
        self, bench: ReferralBench, monkeypatch: pytest.MonkeyPatch, fen: int, paid: int
    ) -> None:
        """None is left out between two parts, and none is marked too soon."""
        monkeypatch.setattr(payouts, "AT_ONCE", 2)
        leader, made = sales(bench, 5)
        bench.withdraw(leader, fen)
        bench.sweep("send")
        standing = [bench.commissions(order_id)[0].status for order_id in made]
        assert standing == [S.PAID] * paid + [S.PAYABLE] * (5 - paid)
        assert bench.violations(with_books=True) == []
