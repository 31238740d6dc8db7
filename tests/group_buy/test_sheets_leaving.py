"""Giving entries up: the member leaves, or does not pay in time; the number stays."""

from datetime import datetime

import pytest

from group_buy.sheets import leaving
from group_buy.sheets.models import SheetStatus
from group_buy.sheets.queries import NotOnSheet
from group_buy.sheets.rules import SheetOver
from kit.db import Begin
from shop.orders.models import OrderStatus
from shop.orders.refunding import OrderHeld
from shop.payments.models import RefundReason
from tests.factories.bench import PAY_WITHIN, Bench
from tests.factories.sheets import SheetBench


@pytest.fixture
def fair(begin: Begin, now: datetime) -> SheetBench:
    """Return a shop with leaders, in a transaction that leaves nothing."""
    return SheetBench(Bench(begin, now))


class TestLeaveSheet:
    def test_repays_what_is_paid_and_cancels_what_is_not(self, fair: SheetBench) -> None:
        sheet_id, member_id = fair.open(), fair.shop.member()
        paid = fair.pay(fair.order(sheet_id, member_id=member_id))
        unpaid = fair.order(sheet_id, member_id=member_id)
        stays = fair.bought(sheet_id)
        fair.leave(sheet_id, member_id)
        assert fair.statuses(sheet_id) == ["left", "left", "paid"]
        assert fair.sheet(sheet_id).paid_fen == stays.entry.total_fen
        (refund,) = fair.shop.refunds(paid.order.id)
        assert (refund.reason, refund.amount_fen) == (RefundReason.LEFT, 900)
        assert fair.shop.order(unpaid.order.id).status is OrderStatus.CLOSED
        with pytest.raises(NotOnSheet):
            fair.leave(sheet_id, member_id)
        fair.finish()
        assert fair.shop.order(paid.order.id).status is OrderStatus.REFUNDED
        assert fair.shop.order(stays.order.id).status is OrderStatus.FULFILLED
        fair.in_order()

    def test_repays_a_payment_whose_news_is_on_its_way(self, fair: SheetBench) -> None:
        sheet_id = fair.open()
        order_id, member_id = (ordered := fair.order(sheet_id)).order.id, ordered.order.member_id
        number = fair.shop.start_payment(order_id).out_trade_no
        fair.shop.wechat.pay(number)
        fair.shop.notify(number)  # and the event waits
        fair.leave(sheet_id, member_id)
        fair.relay()
        assert fair.sheet(sheet_id).paid_fen == 0
        assert [refund.reason for refund in fair.shop.refunds(order_id)] == [RefundReason.LEFT]
        fair.finish()
        fair.in_order()

    def test_nobody_leaves_a_decided_sheet(self, fair: SheetBench) -> None:
        sheet_id = fair.open()
        ordered = fair.bought(sheet_id)
        fair.close(sheet_id)
        with pytest.raises(SheetOver):
            fair.leave(sheet_id, ordered.order.member_id)
        assert fair.shop.refunds(ordered.order.id) == []

    def test_a_held_order_is_given_back_by_leaving_alone(self, fair: SheetBench) -> None:
        ordered = fair.bought(fair.open())
        with pytest.raises(OrderHeld):
            fair.shop.refund(ordered.order.id)


class TestLetEntryLapse:
    def test_frees_the_cards_and_keeps_the_number(self, fair: SheetBench) -> None:
        sheet_id = fair.open((fair.sku(stock=1), 900))
        fair.order(sheet_id)
        fair.shop.now += PAY_WITHIN
        fair.shop.sweep("close")
        fair.relay()
        assert fair.statuses(sheet_id) == ["lapsed"]
        assert fair.order(sheet_id).entry.number == 2
        assert fair.sheet(sheet_id).status is SheetStatus.OPEN

    def test_a_cancelled_order_is_given_up_too(self, fair: SheetBench) -> None:
        sheet_id = fair.open()
        ordered = fair.order(sheet_id)
        fair.shop.cancel(ordered.order.id)
        fair.relay()
        assert fair.statuses(sheet_id) == ["lapsed"]

    def test_an_order_that_was_revived_meanwhile_stays(self, fair: SheetBench) -> None:
        sheet_id = fair.open()
        ordered = fair.bought(sheet_id)
        with fair.shop.begin() as session:
            leaving.let_entry_lapse(session, ordered.order.id, now=fair.shop.now)
        assert fair.statuses(sheet_id) == ["paid"]
