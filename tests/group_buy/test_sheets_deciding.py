"""Deciding a sheet: at its deadline, by its leader early, called off; what becomes of the money."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from group_buy.sheets import deciding
from group_buy.sheets.models import SheetStatus
from group_buy.sheets.queries import NotYourSheet, SheetNotFound
from group_buy.sheets.rules import MinimumNotMet, SheetOver
from kit.db import Begin
from kit.ids import new_id
from shop.orders.models import OrderStatus
from shop.payments.models import RefundReason
from tests.factories.bench import Bench
from tests.factories.sheets import LASTS, SheetBench


@pytest.fixture
def fair(begin: Begin, now: datetime) -> SheetBench:
    """Return a shop with leaders, in a transaction that leaves nothing."""
    return SheetBench(Bench(begin, now))


class TestDecideDueSheets:
    def test_not_before_the_deadline(self, fair: SheetBench) -> None:
        sheet_id = fair.open()
        fair.bought(sheet_id)
        fair.shop.now += LASTS - timedelta(microseconds=1)
        fair.decide()
        assert fair.sheet(sheet_id).status is SheetStatus.OPEN
        fair.shop.now += timedelta(microseconds=1)
        fair.decide()
        sheet = fair.sheet(sheet_id)
        assert (sheet.status, sheet.decided_at) == (SheetStatus.CONFIRMED, fair.shop.now)
        assert (sheet.due_at, sheet.last_error) == (None, None)

    def test_delivers_everything_when_the_minimum_is_just_met(self, fair: SheetBench) -> None:
        sheet_id = fair.open(minimum_fen=1800)
        orders = [fair.bought(sheet_id).order.id for _ in range(2)]
        unpaid = fair.order(sheet_id)
        fair.finish()
        assert fair.sheet(sheet_id).status is SheetStatus.CONFIRMED
        assert {fair.shop.order(order).status for order in orders} == {OrderStatus.FULFILLED}
        assert [len(fair.shop.cards(order)) for order in orders] == [1, 1]
        assert fair.shop.order(unpaid.order.id).status is OrderStatus.CLOSED
        assert fair.statuses(sheet_id) == ["paid", "paid", "lapsed"]
        assert [fair.shop.refunds(order) for order in orders] == [[], []]
        fair.in_order()

    def test_repays_everybody_once_when_a_fen_is_missing(self, fair: SheetBench) -> None:
        sheet_id = fair.open(minimum_fen=1801)
        orders = [fair.bought(sheet_id).order.id for _ in range(2)]
        fair.finish()
        sheet = fair.sheet(sheet_id)
        assert (sheet.status, sheet.paid_fen) == (SheetStatus.FAILED, 1800)
        assert fair.statuses(sheet_id) == ["returned", "returned"]
        for order_id in orders:
            assert fair.shop.order(order_id).status is OrderStatus.REFUNDED
            assert fair.shop.cards(order_id) == []
            (refund,) = fair.shop.refunds(order_id)
            assert (refund.reason, refund.amount_fen) == (RefundReason.SHEET_FAILED, 900)
            assert refund.out_refund_no.endswith("S1")
        fair.in_order()

    def test_an_empty_sheet_without_a_minimum_ends_quietly(self, fair: SheetBench) -> None:
        sheet_id = fair.open()
        fair.finish()
        assert fair.sheet(sheet_id).status is SheetStatus.CONFIRMED
        fair.in_order()

    def test_counts_a_payment_whose_news_is_on_its_way(self, fair: SheetBench) -> None:
        sheet_id = fair.open(minimum_fen=900)
        ordered = fair.order(sheet_id)
        number = fair.shop.start_payment(ordered.order.id).out_trade_no
        fair.shop.wechat.pay(number)
        fair.shop.notify(number)  # the event waits for its handlers
        fair.shop.now += LASTS
        fair.decide()
        assert fair.sheet(sheet_id).status is SheetStatus.CONFIRMED
        fair.relay()
        assert fair.sheet(sheet_id).paid_fen == 900
        fair.finish()
        assert fair.shop.order(ordered.order.id).status is OrderStatus.FULFILLED
        fair.in_order()

    def test_waits_for_a_trade_that_is_being_closed(self, fair: SheetBench) -> None:
        sheet_id = fair.open(minimum_fen=900)
        fair.shop.now += LASTS - timedelta(seconds=30)
        ordered = fair.order(sheet_id)
        number = fair.shop.start_payment(ordered.order.id).out_trade_no
        fair.shop.wechat.pay(number)  # a second before the end, and its notice is lost
        fair.shop.now += timedelta(seconds=30)
        fair.decide()
        sheet = fair.sheet(sheet_id)
        assert (sheet.status, sheet.last_error) == (
            SheetStatus.OPEN,
            "a payment is being settled",
        )
        assert sheet.due_at == fair.shop.now + deciding.LOOK_AGAIN_AFTER
        fair.shop.sweep("close")  # the platform says: paid
        fair.shop.now += timedelta(seconds=1)
        fair.decide()
        assert fair.sheet(sheet_id).status is SheetStatus.CONFIRMED
        fair.finish()
        assert fair.shop.order(ordered.order.id).status is OrderStatus.FULFILLED
        fair.in_order()

    def test_is_decided_once_whoever_asks(self, fair: SheetBench) -> None:
        sheet_id = fair.open(minimum_fen=901)
        ordered = fair.bought(sheet_id)
        fair.shop.now += LASTS
        for _ in range(3):
            with fair.shop.begin() as session:
                deciding.decide_sheet(session, sheet_id, now=fair.shop.now)
        assert len(fair.shop.refunds(ordered.order.id)) == 1

    @pytest.mark.parametrize(
        ("status", "constraint"), [("confirmed", "minimum_met"), ("failed", "minimum_missed")]
    )
    def test_the_database_refuses_the_wrong_decision(
        self, fair: SheetBench, status: str, constraint: str
    ) -> None:
        sheet_id = fair.open(minimum_fen=900 if status == "failed" else 901)
        fair.bought(sheet_id)
        statement = "UPDATE order_sheets SET status = :to, decided_at = ends_at WHERE id = :id"
        with pytest.raises(IntegrityError, match=constraint), fair.shop.begin() as session:
            session.execute(text(statement), {"to": status, "id": sheet_id})


class TestCloseSheet:
    def test_delivers_at_once_and_cancels_what_is_not_paid(self, fair: SheetBench) -> None:
        sheet_id = fair.open(minimum_fen=900)
        paid, unpaid = fair.bought(sheet_id), fair.order(sheet_id)
        fair.close(sheet_id)
        fair.relay()
        fair.shop.sweep()
        assert fair.sheet(sheet_id).status is SheetStatus.CONFIRMED
        assert fair.shop.order(paid.order.id).status is OrderStatus.FULFILLED
        assert fair.shop.order(unpaid.order.id).status is OrderStatus.CLOSED
        assert fair.statuses(sheet_id) == ["paid", "lapsed"]
        with pytest.raises(SheetOver):
            fair.order(sheet_id)
        fair.finish()
        fair.in_order()

    def test_needs_the_minimum_and_leaves_all_as_it_is(self, fair: SheetBench) -> None:
        sheet_id = fair.open(minimum_fen=1000)
        fair.bought(sheet_id)
        held = fair.order(sheet_id)
        with pytest.raises(MinimumNotMet) as refused:
            fair.close(sheet_id)
        assert refused.value.details["missing_fen"] == 100
        assert fair.statuses(sheet_id) == ["paid", "held"]
        assert fair.shop.order(held.order.id).status is OrderStatus.PENDING

    def test_counts_a_payment_whose_news_is_on_its_way(self, fair: SheetBench) -> None:
        sheet_id = fair.open(minimum_fen=900)
        number = fair.shop.start_payment(fair.order(sheet_id).order.id).out_trade_no
        fair.shop.wechat.pay(number)
        fair.shop.notify(number)
        fair.close(sheet_id)
        assert fair.statuses(sheet_id) == ["paid"]
        fair.finish()
        fair.in_order()

    def test_is_for_its_leader_alone_and_before_its_time(self, fair: SheetBench) -> None:
        sheet_id, other = fair.open(), fair.leader()
        for act in (fair.close, fair.cancel):
            with pytest.raises(NotYourSheet):
                act(sheet_id, other)
            with pytest.raises(SheetNotFound):
                act(new_id(), other)
        fair.shop.now += LASTS  # from now on what was paid decides, and nobody's wish
        for act in (fair.close, fair.cancel):
            with pytest.raises(SheetOver):
                act(sheet_id)

    def test_happens_once(self, fair: SheetBench) -> None:
        sheet_id = fair.open()
        fair.close(sheet_id)
        for act in (fair.close, fair.cancel):
            with pytest.raises(SheetOver):
                act(sheet_id)


class TestCancelSheet:
    def test_repays_everybody_although_the_minimum_is_met(self, fair: SheetBench) -> None:
        sheet_id = fair.open()
        paid, unpaid = fair.bought(sheet_id), fair.order(sheet_id)
        fair.shop.start_payment(unpaid.order.id)
        fair.cancel(sheet_id)
        assert fair.sheet(sheet_id).status is SheetStatus.CANCELLED
        assert fair.statuses(sheet_id) == ["returned", "lapsed"]
        fair.finish()
        assert fair.shop.order(paid.order.id).status is OrderStatus.REFUNDED
        assert fair.shop.order(unpaid.order.id).status is OrderStatus.CLOSED
        (refund,) = fair.shop.refunds(paid.order.id)
        assert (refund.reason, refund.amount_fen) == (RefundReason.SHEET_FAILED, 900)
        fair.in_order()

    def test_a_revoked_leader_still_answers_for_what_is_open(self, fair: SheetBench) -> None:
        from shop.members import leaders

        leader_id = fair.leader()
        sheet_id = fair.open(leader_id=leader_id)
        with fair.shop.begin() as session:
            leaders.revoke_leader(session, leader_id)
        fair.cancel(sheet_id)
        assert fair.sheet(sheet_id).status is SheetStatus.CANCELLED
