"""The sweeps: close, deliver, ask, refund, report; each row until done, by one sweep at a time."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from shop.cards.models import Card
from shop.orders import jobs
from shop.orders.models import CloseReason, OrderStatus
from shop.payments.gateway import Busy, GatewayError, Refused, ResultUnknown
from shop.payments.models import PaymentStatus, Refund, RefundReason, RefundStatus
from tests.factories.bench import PAY_WITHIN, Bench
from tests.factories.trouble import Trouble, calls, once_ids_are_read

ONE_MINUTE = timedelta(seconds=60)
ERRORS = [ResultUnknown("no answer"), Busy("patience"), Refused("no", code="NO")]


class TestCloseDueOrders:
    """close_due_orders: the platform first, then here."""

    def test_b44_closes_what_lapsed_and_nothing_else(self, bench: Bench) -> None:
        """One second before `pay_by` nothing happens."""
        sku_id = bench.sku(1)
        order_id, number = bench.open_trade((sku_id, 1))
        bench.now += PAY_WITHIN - timedelta(seconds=1)
        bench.sweep("close")
        assert bench.order(order_id).status is OrderStatus.PENDING
        bench.now += timedelta(seconds=1)
        bench.sweep("close")
        order = bench.order(order_id)
        assert (order.status, order.close_reason) == (OrderStatus.CLOSED, CloseReason.LAPSED)
        assert bench.wechat.trades[number]["state"] == "closed"
        assert bench.payments(order_id)[0].status is PaymentStatus.CLOSED
        assert bench.violations(with_books=True) == []

    def test_b31_already_paid_means_paid(self, bench: Bench) -> None:
        """The platform refuses to close: the order is delivered, not closed."""
        order_id, number = bench.open_trade()
        bench.wechat.pay(number)
        bench.now += PAY_WITHIN
        bench.sweep("close")
        assert bench.order(order_id).status is OrderStatus.FULFILLED

    @pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
    def test_b34_leaves_the_order_while_the_platform_is_unsure(
        self, bench: Bench, error: GatewayError
    ) -> None:
        """Its cards stay held, and a later sweep closes it."""
        order_id, _ = bench.open_trade()
        bench.wechat.trouble = Trouble("close", error)
        bench.now += PAY_WITHIN
        bench.sweep("close")
        order = bench.order(order_id)
        assert (order.status, len(bench.cards(order_id))) == (OrderStatus.PENDING, 1)
        assert order.due_at is not None
        bench.now += ONE_MINUTE
        bench.sweep("close")
        assert bench.order(order_id).status is OrderStatus.CLOSED

    def test_b34_closes_again_when_the_answer_was_lost(self, bench: Bench) -> None:
        """The platform had closed it: the second time succeeds too."""
        order_id, number = bench.open_trade()
        bench.wechat.trouble = Trouble("close", ResultUnknown("lost"), has_acted=True)
        bench.now += PAY_WITHIN
        bench.sweep("close")
        assert bench.order(order_id).status is OrderStatus.PENDING
        bench.now += ONE_MINUTE
        bench.sweep("close")
        assert bench.order(order_id).status is OrderStatus.CLOSED
        assert calls(bench, "close") == [number, number]

    def test_j154_closes_once_when_two_sweeps_find_the_order(self, bench: Bench) -> None:
        """The first got no answer and postponed it; the second does not ask again at once."""
        bench.open_trade()
        bench.wechat.trouble = Trouble("close", ResultUnknown("lost"), times=2)
        bench.now += PAY_WITHIN
        once_ids_are_read(bench, lambda: bench.sweep("close"))
        bench.sweep("close")
        assert len(calls(bench, "close")) == 1


class TestFulfilDueOrders:
    """fulfil_due_orders: deliver later, or give the money back."""

    def undelivered(self, bench: Bench) -> object:
        """Return a paid order whose card is gone."""
        order_id, number = bench.open_trade()
        bench.wechat.pay(number)
        with bench.begin() as session:
            session.execute(update(Card).values(status="free", order_line_id=None))
        bench.notify(number)
        return order_id

    def test_delivers_when_the_cards_are_there_again(self, bench: Bench) -> None:
        """The failed delivery is made up for."""
        order_id = self.undelivered(bench)
        bench.sweep("fulfil")
        line = bench.lines(order_id)[0]
        with bench.begin() as session:
            card = session.scalars(select(Card.id).limit(1)).one()
            session.execute(
                update(Card).where(Card.id == card).values(status="reserved", order_line_id=line.id)
            )
        bench.now += ONE_MINUTE
        bench.sweep("fulfil")
        assert bench.order(order_id).status is OrderStatus.FULFILLED

    def test_gives_the_money_back_after_some_tries(self, bench: Bench) -> None:
        """Undeliverable for good: the whole price, once."""
        order_id = self.undelivered(bench)
        for _ in range(jobs.FULFIL_ATTEMPTS):
            assert bench.order(order_id).status is OrderStatus.PAID
            bench.sweep("fulfil")
            bench.now += timedelta(minutes=5)
        assert [refund.reason for refund in bench.refunds(order_id)] == [RefundReason.UNDELIVERABLE]
        bench.sweep("refund")
        assert bench.order(order_id).status is OrderStatus.REFUNDED

    def test_j154_leaves_what_another_sweep_has_just_postponed(self, bench: Bench) -> None:
        """Two sweeps found the order due; the second sees under the lock that it no longer is."""
        order_id = self.undelivered(bench)
        once_ids_are_read(bench, lambda: bench.sweep("fulfil"))
        bench.sweep("fulfil")
        assert bench.order(order_id).attempts == 1


class TestAskAboutDuePayments:
    """ask_about_due_payments: what no notice told."""

    def test_a23_makes_up_for_a_lost_notice_within_a_minute(self, bench: Bench) -> None:
        """Whenever the member pays, the sweep that rings every second has it 60 seconds later."""
        for paid_after in (1, 7, 33, 120, 600):
            order_id, number = bench.open_trade((bench.sku(1), 1))
            start = bench.now
            for second in range(paid_after + 61):
                bench.now = start + timedelta(seconds=second)
                if second == paid_after:
                    bench.wechat.pay(number)
                bench.sweep("ask")
            assert bench.order(order_id).status is OrderStatus.FULFILLED, paid_after

    def test_notes_that_the_platform_closed_the_trade(self, bench: Bench) -> None:
        """Nothing is asked any more; the order may be paid with another trade."""
        order_id, number = bench.open_trade()
        bench.wechat.trades[number]["state"] = "closed"
        bench.now += ONE_MINUTE
        bench.sweep("ask")
        payment = bench.payments(order_id)[0]
        assert (payment.status, payment.due_at) == (PaymentStatus.CLOSED, None)
        assert bench.start_payment(order_id).out_trade_no != number

    def test_a10_writes_a_lie_down_and_goes_on_asking(self, bench: Bench) -> None:
        """Another amount in the answer: quarantined, the order unpaid."""
        order_id, number = bench.open_trade()
        bench.wechat.pay(number)
        bench.wechat.trades[number]["fen"] = 1
        bench.now += ONE_MINUTE
        bench.sweep("ask")
        payment = bench.payments(order_id)[0]
        assert (payment.status, payment.last_error) == (
            PaymentStatus.PREPAID,
            "payments.trade_mismatch",
        )
        assert payment.due_at is not None

    def test_j154_asks_once_when_two_sweeps_find_the_same_row(self, bench: Bench) -> None:
        """The second sees under the lock that the first has it."""
        _, number = bench.open_trade()
        bench.now += ONE_MINUTE
        once_ids_are_read(bench, lambda: bench.sweep("ask"))
        bench.sweep("ask")
        assert calls(bench, "query") == [number]


class TestEverySweep:
    """What holds for all of them."""

    def test_one_bad_row_stops_no_other(self, bench: Bench) -> None:
        """A refund whose row lies about its trade fails; the one behind it is sent."""
        first, second = bench.bought(), bench.bought()
        bench.refund(first)
        bench.refund(second)
        del bench.wechat.trades[bench.payments(first)[0].out_trade_no]
        swept = jobs.send_due_refunds(bench.begin, bench.platforms, now=bench.now)
        assert (swept.done, swept.failed) == (1, 1)
        with bench.begin() as session:
            states = dict(session.execute(select(Refund.order_id, Refund.status)).all())
        assert states[second] is RefundStatus.DONE
