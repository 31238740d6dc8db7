"""Many refunds promised at once: numbers, ledger, and what cannot be promised twice."""

import pytest
from sqlalchemy.exc import IntegrityError

from kit.money import Fen
from shop.ledger.models import AccountKind
from shop.payments import queries
from shop.payments.models import Payment, RefundReason
from shop.payments.refund_batches import Wanted, refund_number, request_refunds
from tests.factories.bench import Bench


def ask(bench: Bench, *wanted: Wanted, reason: RefundReason = RefundReason.PRICE_DROP) -> None:
    """Promise amounts back out of what is not earned yet."""
    with bench.begin() as session:
        request_refunds(
            session, wanted, reason=reason, from_account=AccountKind.UNEARNED, now=bench.now
        )


def captured(bench: Bench) -> Payment:
    """Return a payment of 1000 fen."""
    return bench.payments(bench.bought())[0]


class TestRequestRefunds:
    """request_refunds."""

    def test_i15_each_has_a_number_of_its_own_that_anybody_can_compute(self, bench: Bench) -> None:
        """Counted per payment and reason; sent by the sweep."""
        one, other = captured(bench), captured(bench)
        ask(bench, Wanted(one, Fen(100)), Wanted(other, Fen(50)))
        ask(bench, Wanted(one, Fen(70)))
        ask(bench)
        numbers = [row.out_refund_no for row in bench.refunds(one.order_id)]
        assert numbers == [refund_number(one, RefundReason.PRICE_DROP, seq) for seq in (1, 2)]
        bench.sweep("refund")
        with bench.begin() as session:
            left = queries.list_refundable(session, [one.order_id, other.order_id], lock=False)
        assert {payment.id: fen for payment, fen in left} == {one.id: 830, other.id: 950}

    def test_i15_the_same_twice_in_one_batch_undoes_it_all(self, bench: Bench) -> None:
        """One payment stands in a batch once: its number is taken."""
        one, other = captured(bench), captured(bench)
        with pytest.raises(IntegrityError):
            ask(bench, Wanted(other, Fen(1)), Wanted(one, Fen(1)), Wanted(one, Fen(2)))
        assert bench.refunds(other.order_id) == []
