"""What a platform tells of a trade is applied once, compared field by field, and never lost."""

import pytest
from sqlalchemy import func, select, update

from kit.money import Fen
from shop.cards.models import Card, CardStatus
from shop.ledger.models import Transfer
from shop.orders.models import CloseReason, Order, OrderStatus
from shop.orders.receiving import Received, TradeMismatch, UnknownTrade
from shop.payments.gateway import Channel, TradeState
from shop.payments.models import PaymentStatus, RefundReason, RefundStatus
from tests.factories.bench import PAY_WITHIN, Bench

LIES = {
    "app_id": "app-2",
    "merchant_id": "merchant-2",
    "currency": "USD",
    "channel": Channel.ALIPAY,
    "transaction_no": None,
}


def transfers(bench: Bench) -> int:
    """Count what stands in the ledger."""
    with bench.begin() as session:
        return session.scalar(select(func.count()).select_from(Transfer)) or 0


class TestRecordPayment:
    """record_payment: one trade, one effect."""

    def test_pays_and_delivers(self, bench: Bench) -> None:
        """A pending order is paid, its cards are the member's, the books say so."""
        order_id, number = bench.open_trade()
        bench.wechat.pay(number)
        assert bench.record(number) is Received.PAID
        order = bench.order(order_id)
        assert (order.status, order.due_at) == (OrderStatus.FULFILLED, None)
        assert [card.status for card in bench.cards(order_id)] == [CardStatus.DELIVERED]
        assert bench.violations() == []

    def test_a07_changes_nothing_the_second_time(self, bench: Bench) -> None:
        """The books hold the two transfers of the first time."""
        _, number = bench.open_trade()
        bench.wechat.pay(number)
        bench.record(number)
        before = transfers(bench)
        assert bench.record(number) is Received.REPEATED
        assert transfers(bench) == before == 2

    @pytest.mark.parametrize("field", sorted(LIES))
    def test_a13_refuses_a_trade_bound_to_something_else(self, bench: Bench, field: str) -> None:
        """Channel, application, merchant, currency and transaction must be those written down."""
        order_id, number = bench.open_trade()
        bench.wechat.pay(number)
        with pytest.raises(TradeMismatch) as refused:
            bench.record(number, **{field: LIES[field]})
        assert field in refused.value.details["fields"]
        assert bench.order(order_id).status is OrderStatus.PENDING

    @pytest.mark.parametrize("fen", [0, 1, 999, 1001, 100_000, -1000, None])
    def test_a10_refuses_any_other_amount(self, bench: Bench, fen: int | None) -> None:
        """Exactly the order's price in fen, nothing near it."""
        order_id, number = bench.open_trade()
        bench.wechat.pay(number)
        with pytest.raises(TradeMismatch):
            bench.record(number, total_fen=None if fen is None else Fen(fen))
        assert bench.order(order_id).status is OrderStatus.PENDING

    @pytest.mark.parametrize("state", [TradeState.NOT_PAID, TradeState.CLOSED, TradeState.MISSING])
    def test_a16_ignores_a_trade_that_is_not_paid(self, bench: Bench, state: TradeState) -> None:
        """Whatever else the notice says."""
        order_id, number = bench.open_trade()
        assert bench.record(number, state=state) is Received.IGNORED
        assert bench.order(order_id).status is OrderStatus.PENDING

    def test_a16_delivers_nothing_for_money_that_has_gone_back(self, bench: Bench) -> None:
        """Refunded at the platform's desk before we heard of the payment: a person must look."""
        order_id, number = bench.open_trade()
        bench.wechat.pay(number)
        with pytest.raises(TradeMismatch):
            bench.record(number, state=TradeState.REFUNDED)
        assert bench.order(order_id).status is OrderStatus.PENDING
        assert bench.payments(order_id)[0].status is PaymentStatus.PREPAID

    def test_a24_takes_the_word_refunded_for_a_payment_we_know(self, bench: Bench) -> None:
        """After a refund of ours the platform calls the trade refunded: nothing regresses."""
        order_id, number = bench.open_trade()
        bench.wechat.pay(number)
        bench.record(number)
        assert bench.record(number, state=TradeState.REFUNDED) is Received.REPEATED
        assert bench.order(order_id).status is OrderStatus.FULFILLED

    def test_a15_refuses_a_number_of_nobody(self, bench: Bench) -> None:
        """Refused, without any guess."""
        with pytest.raises(UnknownTrade):
            bench.record("TP-NOBODYS")

    def test_a11_a_transaction_number_counts_once(self, bench: Bench) -> None:
        """The database refuses a second trade under the same transaction number."""
        _, number = bench.open_trade()
        _, other = bench.open_trade()
        bench.wechat.pay(number)
        bench.wechat.pay(other)
        bench.record(number)
        with pytest.raises(Exception, match="uq_payments_channel_transaction_no"):
            bench.record(other, transaction_no=f"wechat_pay-{number}")

    def test_b32_revives_a_lapsed_order_while_there_are_cards(self, bench: Bench) -> None:
        """The order closed, the bank was slow: paid, delivered, and no longer closed."""
        order_id, number = bench.open_trade()
        bench.now += PAY_WITHIN
        bench.sweep("close")
        assert bench.order(order_id).status is OrderStatus.CLOSED
        bench.wechat.pay(number, force=True)
        assert bench.record(number) is Received.REVIVED
        order = bench.order(order_id)
        assert order.status is OrderStatus.FULFILLED
        assert (order.close_reason, order.closed_at) == (None, None)
        assert bench.violations(with_books=True) == []

    def test_b32_returns_late_money_when_the_cards_are_gone(self, bench: Bench) -> None:
        """Somebody else has the card by then: one refund of all of it."""
        sku_id = bench.sku(1)
        order_id, number = bench.open_trade((sku_id, 1))
        bench.now += PAY_WITHIN
        bench.sweep("close")
        bench.bought((sku_id, 1))
        bench.wechat.pay(number, force=True)
        assert bench.record(number) is Received.RETURNED
        assert bench.record(number) is Received.REPEATED
        refunds = bench.refunds(order_id)
        assert [(refund.reason, refund.amount_fen) for refund in refunds] == [
            (RefundReason.LATE, 1000)
        ]
        assert bench.order(order_id).status is OrderStatus.CLOSED
        bench.sweep("refund")
        assert bench.violations(with_books=True) == []

    def test_b32_returns_late_money_of_a_cancelled_order(self, bench: Bench) -> None:
        """Who cancelled does not want it, even if there are cards."""
        order_id, number = bench.open_trade()
        bench.cancel(order_id)
        bench.sweep("close")
        bench.wechat.pay(number, force=True)
        assert bench.record(number) is Received.RETURNED
        assert bench.order(order_id).close_reason is CloseReason.CANCELLED

    def test_b35_forgets_a_wish_to_cancel_that_came_too_late(self, bench: Bench) -> None:
        """The money was there before the trade could be closed: the order is no cancelled one."""
        order_id, number = bench.open_trade()
        bench.cancel(order_id)
        bench.wechat.pay(number)
        bench.sweep("close")
        order = bench.order(order_id)
        assert (order.status, order.close_reason) == (OrderStatus.FULFILLED, None)

    def test_returns_a_second_payment_of_the_same_order(self, bench: Bench) -> None:
        """Both channels took money: the first pays, the second goes back whole."""
        order_id, number = bench.open_trade()
        second = bench.start_payment(order_id, Channel.ALIPAY).out_trade_no
        bench.platforms[Channel.ALIPAY].pay(second)
        bench.notify(second, Channel.ALIPAY)
        bench.wechat.pay(number, force=True)
        assert bench.record(number) is Received.RETURNED
        assert [refund.reason for refund in bench.refunds(order_id)] == [RefundReason.DOUBLE]
        bench.sweep("refund")
        assert bench.refunds(order_id)[0].status is RefundStatus.DONE
        assert bench.order(order_id).status is OrderStatus.FULFILLED
        assert bench.violations(with_books=True) == []

    def test_books_the_money_when_nothing_can_be_delivered(self, bench: Bench) -> None:
        """A unit is missing: the order stays paid and due, the capture stands."""
        order_id, number = bench.open_trade()
        bench.wechat.pay(number)
        with bench.begin() as session:
            # A card that somebody freed by hand; the table of moves would let it happen.
            session.execute(update(Card).values(status="free", order_line_id=None))
        assert bench.record(number) is Received.PAID
        order = bench.order(order_id)
        assert (order.status, order.due_at) == (OrderStatus.PAID, bench.now)
        assert bench.payments(order_id)[0].status is PaymentStatus.CAPTURED

    def test_leaves_an_order_that_is_held_for_its_group(self, bench: Bench) -> None:
        """Paid, not delivered, and nothing is due."""
        order_id, number = bench.open_trade()
        with bench.begin() as session:
            session.execute(update(Order).where(Order.id == order_id).values(is_held=True))
        bench.wechat.pay(number)
        bench.record(number)
        order = bench.order(order_id)
        assert (order.status, order.due_at) == (OrderStatus.PAID, None)
        assert [card.status for card in bench.cards(order_id)] == [CardStatus.RESERVED]
