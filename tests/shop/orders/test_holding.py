"""Held orders: released, repaid or made cheaper many at once, each once, by few statements."""

from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.orm.exc import StaleDataError

from kit.money import Fen
from shop.orders import holding
from shop.orders.models import Order, OrderStatus
from shop.payments.gateway import Channel
from shop.payments.models import RefundReason, RefundStatus
from tests.factories.bench import Bench


def held(bench: Bench, *, is_paid: bool = True) -> UUID:
    """Return a held order of one unit, paid unless said otherwise."""
    order_id = bench.place(bench.member(), (bench.sku(1), 1))
    with bench.begin() as session:
        session.execute(update(Order).where(Order.id == order_id).values(is_held=True))
    if is_paid:
        number = bench.start_payment(order_id).out_trade_no
        bench.wechat.pay(number)
        bench.notify(number)
    return order_id


def release(bench: Bench, *order_ids: UUID) -> None:
    """Release orders."""
    with bench.begin() as session:
        holding.release_held(session, order_ids, now=bench.now)


def repay(bench: Bench, *order_ids: UUID) -> int:
    """Repay orders whose group has failed."""
    with bench.begin() as session:
        return holding.refund_held(
            session, order_ids, reason=RefundReason.GROUP_FAILED, now=bench.now
        )


def lower(bench: Bench, to_fen: int, *order_ids: UUID) -> int:
    """Lower the price of orders."""
    with bench.begin() as session:
        return holding.lower_prices(session, order_ids, to_fen=Fen(to_fen), now=bench.now)


class TestReleaseHeld:
    """release_held."""

    def test_d72_only_what_is_paid_and_held(self, bench: Bench) -> None:
        """The others stay as they are; again changes nothing."""
        paid, unpaid = held(bench), held(bench, is_paid=False)
        release(bench)
        release(bench, paid, unpaid)
        release(bench, paid)
        bench.sweep("fulfil")
        assert bench.order(paid).status is OrderStatus.FULFILLED
        assert (bench.order(unpaid).status, bench.order(unpaid).is_held) == (
            OrderStatus.PENDING,
            True,
        )
        assert bench.violations() == []

    def test_whoever_loaded_the_order_before_cannot_undo_it(self, bench: Bench) -> None:
        """A change made without the row's lock fails by the version."""
        order_id = held(bench)
        order = bench.order(order_id)
        release(bench, order_id)
        order.attempts = 9
        with bench.begin() as session:
            session.add(order)
            with pytest.raises(StaleDataError):
                session.flush()
            session.expunge(order)

    def test_and_in_the_same_session_it_is_seen(self, bench: Bench) -> None:
        """The object that the session knows is not stale after the bulk update."""
        order_id = held(bench)
        with bench.begin() as session:
            order = session.get_one(Order, order_id)
            holding.release_held(session, [order_id], now=bench.now)
            assert (order.is_held, order.due_at) == (False, bench.now)
            order.attempts = 2  # with the right version
        assert bench.order(order_id).attempts == 2


class TestRefundHeld:
    """refund_held."""

    def test_d63_each_once_with_its_cards(self, bench: Bench) -> None:
        """Three of four; the fourth is not paid; a second time gives nothing."""
        paid = [held(bench) for _ in range(3)]
        unpaid = held(bench, is_paid=False)
        assert repay(bench, *paid, unpaid) == 3
        assert repay(bench, *paid, unpaid) == 0
        for order_id in paid:
            (refund,) = bench.refunds(order_id)
            assert (refund.amount_fen, refund.status) == (1000, RefundStatus.REQUESTED)
            assert bench.cards(order_id) == []
        bench.sweep("refund")
        assert {bench.order(order_id).status for order_id in paid} == {OrderStatus.REFUNDED}
        assert bench.violations(with_books=True) == []

    def test_not_what_was_released(self, bench: Bench) -> None:
        """Formed is formed."""
        order_id = held(bench)
        release(bench, order_id)
        assert repay(bench, order_id) == 0
        assert bench.refunds(order_id) == []

    def test_a_second_payment_has_gone_back_already(self, bench: Bench) -> None:
        """Paid on both channels: one double, one for the group, each whole."""
        order_id = held(bench, is_paid=False)
        first = bench.start_payment(order_id).out_trade_no
        second = bench.start_payment(order_id, Channel.ALIPAY).out_trade_no
        bench.platforms[Channel.ALIPAY].pay(second)
        bench.notify(second, Channel.ALIPAY)
        bench.wechat.pay(first, force=True)
        bench.notify(first)
        assert repay(bench, order_id) == 1
        told = {(row.reason, row.amount_fen) for row in bench.refunds(order_id)}
        assert told == {(RefundReason.DOUBLE, 1000), (RefundReason.GROUP_FAILED, 1000)}
        bench.sweep("refund")
        assert bench.violations(with_books=True) == []


class TestLowerPrices:
    """lower_prices."""

    def test_step_by_step_never_below_nor_twice(self, bench: Bench) -> None:
        """1000 → 900 → 900 → 750, one delivered, one not yet."""
        delivered, waiting = held(bench), held(bench)
        release(bench, delivered)
        bench.sweep("fulfil")
        release(bench, waiting)
        counts = [lower(bench, fen, delivered, waiting) for fen in (900, 900, 950, 750)]
        assert counts == [2, 0, 0, 2]
        for order_id in (delivered, waiting):
            assert [row.amount_fen for row in bench.refunds(order_id)] == [100, 150]
            numbers = [row.out_refund_no for row in bench.refunds(order_id)]
            assert len(set(numbers)) == 2
        bench.sweep("fulfil", "refund")
        assert bench.order(waiting).status is OrderStatus.FULFILLED
        assert bench.violations(with_books=True) == []

    def test_and_the_rest_goes_back_when_it_is_given_back(self, bench: Bench) -> None:
        """Never more than was paid."""
        order_id = held(bench)
        release(bench, order_id)
        bench.sweep("fulfil")
        lower(bench, 600, order_id)
        bench.refund(order_id)
        bench.sweep("refund")
        assert [row.amount_fen for row in bench.refunds(order_id)] == [400, 600]
        assert bench.order(order_id).status is OrderStatus.REFUNDED
        assert lower(bench, 500, order_id) == 0
        assert bench.violations(with_books=True) == []

    def test_nothing_for_what_is_held_or_going_back(self, bench: Bench) -> None:
        """A held order's price is decided when it is released."""
        waiting, gone = held(bench), held(bench)
        release(bench, gone)
        bench.refund(gone)
        assert lower(bench, 1, waiting, gone) == 0
        assert lower(bench, 1) == 0
