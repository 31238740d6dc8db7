"""Ordering from a sheet: numbers, prices, limits, payments in time and late."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from group_buy.sheets import leaving, taking
from group_buy.sheets.joining import Ordered
from group_buy.sheets.models import EntryStatus, SheetStatus
from group_buy.sheets.queries import SheetNotFound
from group_buy.sheets.rules import MOST_PER_MEMBER, SheetFull, SheetOver, TooManyEntries
from kit.db import Begin
from kit.ids import new_id
from shop.cards.service import OutOfStock
from shop.orders.models import OrderStatus
from shop.orders.rules import BadLines, LimitReached, SkuNotForSale
from shop.payments.models import RefundReason
from tests.factories.bench import PAY_WITHIN, Bench
from tests.factories.sheets import LASTS, SheetBench


@pytest.fixture
def fair(begin: Begin, now: datetime) -> SheetBench:
    """Return a shop with leaders, in a transaction that leaves nothing."""
    return SheetBench(Bench(begin, now))


def late_money(fair: SheetBench, ordered: Ordered) -> None:
    """Have the order's trade closed for lapsing, and its money arrive all the same."""
    number = fair.shop.start_payment(ordered.order.id).out_trade_no
    fair.shop.now += PAY_WITHIN
    fair.shop.sweep("close")
    fair.relay()
    assert fair.shop.order(ordered.order.id).status is OrderStatus.CLOSED
    fair.shop.wechat.pay(number, force=True)
    fair.shop.notify(number)
    fair.relay()


class TestOrderFromSheet:
    def test_gives_the_next_number_and_the_leaders_price(self, fair: SheetBench) -> None:
        one, other = fair.sku(), fair.sku()
        sheet_id = fair.open((one, 900), (other, 1100))
        first = fair.order(sheet_id, (one, 2), (other, 1))
        second = fair.order(sheet_id, (other, 1))
        assert (first.entry.number, second.entry.number) == (1, 2)
        assert first.entry.total_fen == first.order.total_fen == 2900
        assert (first.order.is_held, first.order.campaign_id) == (True, None)
        assert [line.unit_price_fen for line in fair.shop.lines(first.order.id)] == [900, 1100]
        assert fair.sheet(sheet_id).entries_count == 2
        assert fair.sheet(sheet_id).paid_fen == 0  # nothing is paid yet

    def test_gives_every_number_once_whatever_became_of_those_before(
        self, fair: SheetBench
    ) -> None:
        sheet_id = fair.open()
        first = fair.order(sheet_id)
        fair.leave(sheet_id, first.order.member_id)
        again = fair.order(sheet_id, member_id=first.order.member_id)
        assert [entry.number for entry in fair.entries(sheet_id)] == [1, 2]
        assert fair.statuses(sheet_id) == ["left", "held"]
        assert again.entry.number == 2
        assert fair.shop.violations() == []

    def test_a_refused_order_takes_no_number(self, fair: SheetBench) -> None:
        sheet_id = fair.open((fair.sku(stock=1), 900))
        sku_id = fair.first_sku(sheet_id)
        with pytest.raises(OutOfStock):
            fair.order(sheet_id, (sku_id, 2))
        with pytest.raises(SkuNotForSale):
            fair.order(sheet_id, (sku_id, 1), (fair.sku(), 1))
        with pytest.raises(BadLines):
            fair.order(sheet_id, (sku_id, 1), (sku_id, 1))
        assert fair.order(sheet_id).entry.number == 1

    @pytest.mark.parametrize(
        ("number", "after", "constraint"),
        [
            (3, 2, "after_number"),
            (3, 1, "after_the_one"),
            (3, None, "after_the_one"),
            (1, None, "uq_"),
        ],
    )
    def test_the_database_refuses_a_gap_and_a_repeat(
        self, fair: SheetBench, number: int, after: int | None, constraint: str
    ) -> None:
        sheet_id = fair.open()
        fair.order(sheet_id)
        order_id = fair.shop.place(fair.shop.member(), (fair.first_sku(sheet_id), 1))
        statement = (
            "INSERT INTO sheet_entries (id, sheet_id, number, after_number, member_id, order_id,"
            " status, total_fen, joined_at) SELECT :id, :sheet, :number, :after, member_id, id,"
            " 'held', 1, placed_at FROM orders WHERE id = :order"
        )
        values = {
            "id": new_id(),
            "sheet": sheet_id,
            "number": number,
            "after": after,
            "order": order_id,
        }
        with pytest.raises(IntegrityError, match=constraint), fair.shop.begin() as session:
            session.execute(text(statement), values)

    def test_is_over_at_the_deadline_to_the_microsecond(self, fair: SheetBench) -> None:
        sheet_id = fair.open()
        fair.shop.now += LASTS - timedelta(microseconds=1)
        fair.order(sheet_id)
        fair.shop.now += timedelta(microseconds=1)
        with pytest.raises(SheetOver):
            fair.order(sheet_id)

    def test_nobody_may_pay_after_the_deadline(self, fair: SheetBench) -> None:
        sheet_id = fair.open()
        assert fair.order(sheet_id).order.pay_by == fair.shop.now + PAY_WITHIN
        fair.shop.now += LASTS - timedelta(minutes=1)
        assert fair.order(sheet_id).order.pay_by == fair.sheet(sheet_id).ends_at

    def test_keeps_the_limits_of_member_sheet_and_sku(
        self, fair: SheetBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sheet_id, member_id = fair.open((fair.sku(stock=20), 900)), fair.shop.member()
        for _ in range(MOST_PER_MEMBER):
            fair.order(sheet_id, member_id=member_id)
        with pytest.raises(TooManyEntries):
            fair.order(sheet_id, member_id=member_id)
        monkeypatch.setattr("group_buy.sheets.rules.MOST_ENTRIES", MOST_PER_MEMBER)
        with pytest.raises(SheetFull):
            fair.order(sheet_id)
        limited = fair.open((fair.sku(limit_ever=1), 900))
        fair.order(limited, member_id=member_id)
        with pytest.raises(LimitReached):
            fair.order(limited, member_id=member_id)

    def test_a_sheet_that_never_was(self, fair: SheetBench) -> None:
        sheet_id = fair.open()
        wanted = (fair.first_sku(sheet_id), 1)
        with pytest.raises(SheetNotFound):
            fair.order(new_id(), wanted)


class TestTakePaidEntry:
    def test_counts_once_however_often_it_is_told(self, fair: SheetBench) -> None:
        sheet_id = fair.open()
        ordered = fair.bought(sheet_id)
        with fair.shop.begin() as session:
            taking.take_paid_entry(session, ordered.order.id, now=fair.shop.now)
        assert fair.sheet(sheet_id).paid_fen == ordered.order.total_fen
        (entry,) = fair.entries(sheet_id)
        assert (entry.status, entry.paid_at) == (EntryStatus.PAID, fair.shop.now)
        order = fair.shop.order(ordered.order.id)
        assert (order.status, order.is_held, order.due_at) == (OrderStatus.PAID, True, None)
        fair.shop.sweep()  # nothing delivers it before the sheet is decided
        assert fair.shop.order(ordered.order.id).status is OrderStatus.PAID
        assert fair.shop.violations() == []

    def test_a_lapsed_entry_is_revived_before_the_deadline(self, fair: SheetBench) -> None:
        sheet_id = fair.open()
        ordered = fair.order(sheet_id)
        late_money(fair, ordered)
        assert fair.statuses(sheet_id) == ["paid"]
        assert fair.sheet(sheet_id).paid_fen == ordered.entry.total_fen
        assert fair.shop.refunds(ordered.order.id) == []

    def test_money_after_the_decision_goes_back_once(self, fair: SheetBench) -> None:
        sheet_id = fair.open()
        paid, ordered = fair.bought(sheet_id), fair.order(sheet_id)
        number = fair.shop.start_payment(ordered.order.id).out_trade_no
        fair.close(sheet_id)
        assert fair.statuses(sheet_id) == ["paid", "lapsed"]
        fair.shop.wechat.pay(number)  # the trade is open until a sweep closes it
        fair.shop.notify(number)
        fair.relay()
        (refund,) = fair.shop.refunds(ordered.order.id)
        assert (refund.reason, refund.amount_fen) == (RefundReason.GROUP_LATE, 900)
        fair.finish()
        assert fair.statuses(sheet_id) == ["paid", "lapsed"]
        assert fair.sheet(sheet_id).paid_fen == 900
        assert fair.shop.order(paid.order.id).status is OrderStatus.FULFILLED
        assert fair.shop.order(ordered.order.id).status is OrderStatus.REFUNDED
        fair.in_order()

    def test_a_payment_at_the_deadline_itself_is_too_late(self, fair: SheetBench) -> None:
        sheet_id = fair.open(minimum_fen=900)
        fair.shop.now += LASTS - timedelta(minutes=1)
        ordered = fair.order(sheet_id)
        number = fair.shop.start_payment(ordered.order.id).out_trade_no
        fair.shop.now += timedelta(minutes=1)  # and the platform still takes the money
        fair.shop.wechat.pay(number)
        fair.shop.notify(number)
        fair.decide()  # before the news of the payment is handled
        assert fair.sheet(sheet_id).status is SheetStatus.FAILED
        fair.relay()
        assert fair.statuses(sheet_id) == ["lapsed"]
        (refund,) = fair.shop.refunds(ordered.order.id)
        assert refund.reason is RefundReason.GROUP_LATE
        fair.finish()
        assert fair.shop.order(ordered.order.id).status is OrderStatus.REFUNDED
        fair.in_order()

    def test_late_news_of_a_late_payment_does_not_count(self, fair: SheetBench) -> None:
        sheet_id = fair.open(minimum_fen=900)
        fair.shop.now += LASTS - timedelta(minutes=1)
        ordered = fair.order(sheet_id)
        number = fair.shop.start_payment(ordered.order.id).out_trade_no
        fair.shop.now += timedelta(minutes=1)
        fair.shop.wechat.pay(number)
        fair.shop.notify(number)
        fair.relay()  # before the sweep decides
        assert (fair.statuses(sheet_id), fair.sheet(sheet_id).paid_fen) == (["lapsed"], 0)
        assert [r.reason for r in fair.shop.refunds(ordered.order.id)] == [RefundReason.GROUP_LATE]
        fair.finish()
        assert fair.sheet(sheet_id).status is SheetStatus.FAILED
        fair.in_order()

    def test_money_for_an_entry_that_was_left_goes_back(self, fair: SheetBench) -> None:
        sheet_id = fair.open()
        ordered = fair.order(sheet_id)
        number = fair.shop.start_payment(ordered.order.id).out_trade_no
        fair.leave(sheet_id, ordered.order.member_id)
        fair.shop.wechat.pay(number)
        fair.shop.notify(number)
        fair.relay()
        assert [refund.amount_fen for refund in fair.shop.refunds(ordered.order.id)] == [900]
        assert fair.sheet(sheet_id).paid_fen == 0
        fair.finish()
        assert fair.shop.order(ordered.order.id).status is OrderStatus.REFUNDED
        fair.in_order()

    def test_other_orders_are_none_of_its_business(self, fair: SheetBench) -> None:
        order_id = fair.shop.bought()
        with fair.shop.begin() as session:
            taking.take_paid_entry(session, order_id, now=fair.shop.now)
            leaving.let_entry_lapse(session, order_id, now=fair.shop.now)
        assert fair.shop.order(order_id).status is OrderStatus.FULFILLED
