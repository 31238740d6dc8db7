"""The sweep of reconciliation: every day's bill, until it is there, matched and asked about."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from shop.ledger.models import Transfer
from shop.orders.models import OrderStatus
from shop.payments.gateway import BillMissing, Channel, RefundState, ResultUnknown
from shop.payments.models import RefundStatus, SecurityEvent
from shop.settlement import jobs, queries
from shop.settlement.models import BillDay, DifferenceKind, DifferenceStatus
from tests.factories.bench import KEY, Bench
from tests.factories.trouble import Trouble, once_ids_are_read

DAY = date(2026, 11, 20)
READY = datetime(2026, 11, 21, 2, 15, tzinfo=UTC)  # 10:15 in Shanghai
MINUTE = timedelta(minutes=1)


def reconcile(bench: Bench, day: date = DAY) -> list[DifferenceKind]:
    """Reconcile a day of WeChat Pay."""
    found = jobs.reconcile(
        bench.begin,
        bench.platforms,
        channel=Channel.WECHAT_PAY,
        day=day,
        payer_hash_key=KEY,
        now=bench.now,
    )
    return [item.kind for item in found]


def days(bench: Bench, channel: Channel = Channel.WECHAT_PAY) -> list[BillDay]:
    """Return the days written down for a channel."""
    with bench.begin() as session:
        query = select(BillDay).where(BillDay.channel == channel).order_by(BillDay.day)
        return list(session.scalars(query))


class TestReconcileDueDays:
    """reconcile_due_days: by itself, every morning."""

    def test_f106_waits_until_the_platform_has_the_bill(self, bench: Bench) -> None:
        """From a quarter past ten in Shanghai on, once."""
        bench.bought()
        bench.now = READY - MINUTE
        bench.sweep("reconcile")
        assert "download_bill" not in [call for call, _ in bench.wechat.calls]
        bench.now = READY
        for _ in range(2):
            bench.sweep("reconcile")
        assert [call for call, _ in bench.wechat.calls].count("download_bill") == 1
        assert (days(bench)[0].due_at, days(bench)[0].matched_at) == (None, READY)

    def test_f106_makes_up_for_days_on_which_nobody_rang(self, bench: Bench) -> None:
        """The scheduler stood still for three days: each is written down and matched."""
        bench.now = READY
        bench.sweep("reconcile")
        bench.now = READY + timedelta(days=4)
        bench.sweep("reconcile")
        assert [row.day for row in days(bench)] == [DAY + timedelta(days=n) for n in range(5)]

    def test_f106_begins_with_yesterday(self, bench: Bench) -> None:
        """A new installation has no past to fetch."""
        bench.now = READY
        bench.sweep("reconcile")
        assert [row.day for row in days(bench)] == [DAY]

    def test_f106_tries_again_while_the_bill_is_late(self, bench: Bench) -> None:
        """Every quarter of an hour, as long as there must be one."""
        bench.bought()
        bench.now = READY
        bench.wechat.trouble = Trouble("download_bill", BillMissing("not yet"), times=2)
        for _ in range(3):
            assert days(bench)[:1] == [] or days(bench)[0].due_at is not None
            bench.sweep("reconcile")
            bench.now += jobs.BILL_LATE_BY
        assert days(bench)[0].due_at is None

    def test_f106_a_day_without_trade_has_no_bill(self, bench: Bench) -> None:
        """It is asked for half a day, then no more."""
        bench.now = READY
        bench.sweep("reconcile")
        assert days(bench)[0].due_at is not None
        bench.now = READY + jobs.NO_BILL_AFTER
        bench.sweep("reconcile")
        assert days(bench)[0].due_at is None

    def test_a_broken_bill_is_fetched_again(self, bench: Bench) -> None:
        """Its hash was wrong: nothing of it is stored, and the day stays due."""
        bench.bought()
        bench.now = READY
        bench.wechat.trouble = Trouble("download_bill", ResultUnknown("hash", code="BILL_HASH"))
        bench.sweep("reconcile")
        row = days(bench)[0]
        assert (row.downloaded_at, row.last_error) == (None, "BILL_HASH")
        bench.now = row.due_at or bench.now
        bench.sweep("reconcile")
        assert days(bench)[0].matched_at == bench.now

    def test_j154_fetches_once_when_two_sweeps_find_the_day(self, bench: Bench) -> None:
        """The second sees under the lock that the first has done it."""
        bench.bought()
        bench.now = READY
        once_ids_are_read(bench, lambda: bench.sweep("reconcile"), begun=2)
        bench.sweep("reconcile")
        assert [call for call, _ in bench.wechat.calls].count("download_bill") == 1


class TestReconcile:
    """reconcile: what the bill knows and we do not is asked about."""

    def test_f103_is_the_same_however_often_it_runs(self, bench: Bench) -> None:
        """Three times: no difference, fees posted once."""
        bench.wechat.fee_basis_points = 60
        bench.bought()
        for _ in range(3):
            assert reconcile(bench) == []
        with bench.begin() as session:
            legs = session.scalars(select(Transfer.leg).where(Transfer.cause_kind == "bill_day"))
            assert list(legs) == ["fees"]

    def test_a23_applies_a_payment_that_nobody_told_of(self, bench: Bench) -> None:
        """The platform confirms what its bill says: the order is delivered, the difference gone."""
        order_id, number = bench.open_trade()
        bench.wechat.pay(number)
        assert reconcile(bench) == []
        assert bench.order(order_id).status is OrderStatus.FULFILLED
        with bench.begin() as session:
            (settled,) = queries.list_differences(session)
        assert (settled.kind, settled.status) == (
            DifferenceKind.PAYMENT_MISSING_HERE,
            DifferenceStatus.RESOLVED,
        )
        assert bench.violations(with_books=True) == []

    def test_f99_applies_a_refund_that_nobody_told_of(self, bench: Bench) -> None:
        """The same for money that went back."""
        bench.wechat.refund_state = RefundState.PROCESSING
        order_id = bench.bought()
        bench.refund(order_id)
        bench.sweep("refund")
        bench.wechat.finish_refunds()
        assert reconcile(bench) == []
        assert bench.order(order_id).status is OrderStatus.REFUNDED

    def test_the_bill_alone_moves_no_money(self, bench: Bench) -> None:
        """The platform's own answer says "not paid": the difference stays, the order too."""
        order_id, number = bench.open_trade()
        bench.wechat.trades[number]["at"] = bench.now.isoformat()
        assert reconcile(bench) == [DifferenceKind.PAYMENT_MISSING_HERE]
        assert bench.order(order_id).status is OrderStatus.PENDING

    def test_a_row_that_cannot_be_asked_about_stops_no_other(self, bench: Bench) -> None:
        """The first query is not answered; the second payment is applied, the day stays due."""
        first, second = bench.open_trade(), bench.open_trade()
        for _, number in (first, second):
            bench.wechat.pay(number)
        bench.wechat.trouble = Trouble("query", ResultUnknown("no answer", code="TIMEOUT"))
        with pytest.raises(ResultUnknown):
            reconcile(bench)
        stands = {bench.order(order_id).status for order_id, _ in (first, second)}
        assert stands == {OrderStatus.FULFILLED, OrderStatus.PENDING}
        row = days(bench)[0]
        assert (row.last_error, row.due_at is None) == ("TIMEOUT", False)
        assert reconcile(bench) == []

    def test_a_refund_that_contradicts_us_is_written_down(self, bench: Bench) -> None:
        """Another amount under our number: a difference and a security event, no crash."""
        bench.wechat.refund_state = RefundState.PROCESSING
        order_id = bench.bought()
        bench.refund(order_id)
        bench.sweep("refund")
        bench.wechat.finish_refunds()
        number = bench.refunds(order_id)[0].out_refund_no
        bench.wechat.refunds[number]["fen"] = 999
        assert reconcile(bench) == [DifferenceKind.REFUND_MISSING_HERE]
        assert bench.refunds(order_id)[0].status is RefundStatus.SENT
        with bench.begin() as session:
            assert session.scalars(select(SecurityEvent.kind)).all() == ["refund.mismatch"]

    def test_f106_settles_yesterdays_midnight(self, bench: Bench) -> None:
        """What was missing in yesterday's bill stands in today's: both days are clean."""
        bench.now = datetime(2026, 11, 20, 15, 59, 59, tzinfo=UTC)
        first, second = bench.bought(), bench.bought()
        number = bench.payments(second)[0].out_trade_no
        assert bench.order(first)
        bench.now = READY
        trade = bench.wechat.trades[number]
        trade["at"] = (datetime.fromisoformat(trade["at"]) + timedelta(seconds=1)).isoformat()
        assert reconcile(bench) == [DifferenceKind.PAYMENT_MISSING_THERE]
        assert reconcile(bench, DAY + timedelta(days=1)) == []
        with bench.begin() as session:
            assert not queries.list_differences(session, status=DifferenceStatus.OPEN)


class TestListDifferences:
    """list_differences: narrowed as asked."""

    def test_narrows_by_channel_day_and_status(self, bench: Bench) -> None:
        """Each by itself."""
        bench.open_trade()
        number = next(iter(bench.wechat.trades))
        bench.wechat.trades[number]["at"] = bench.now.isoformat()
        reconcile(bench)
        with bench.begin() as session:
            session.execute(update(BillDay).values(attempts=1))
            assert len(queries.list_differences(session, channel=Channel.WECHAT_PAY)) == 1
            assert not queries.list_differences(session, channel=Channel.ALIPAY)
            assert not queries.list_differences(session, day=DAY + timedelta(days=1))
            assert not queries.list_differences(session, status=DifferenceStatus.RESOLVED)
