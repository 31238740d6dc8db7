"""Storing bills, matching them three ways, writing down what differs, posting fees."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from kit.clock import business_date
from shop.ledger.models import AccountKind, Transfer
from shop.ledger.queries import list_balances
from shop.payments.gateway import Bill, BillRow, Channel
from shop.settlement import queries, service
from shop.settlement.models import BillDay, BillLine, DifferenceKind, DifferenceStatus
from tests.factories.bench import Bench

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TODAY = business_date(NOW)


def trade(bench: Bench, channel: Channel, price_fen: int, *, units: int = 2) -> None:
    """Have somebody buy on a channel and give one of two units back."""
    order_id = bench.place(bench.member(), (bench.sku(units, price_fen=price_fen), units))
    number = bench.start_payment(order_id, channel).out_trade_no
    bench.platforms[channel].pay(number)
    bench.notify(number, channel)
    bench.refund(order_id, line_id=bench.lines(order_id)[0].id, quantity=1)
    bench.sweep("refund")


def bill(channel: Channel, day: date, rows: list[BillRow], sha: str = "x") -> Bill:
    """Return a bill."""
    return Bill(channel, day, tuple(rows), sha)


def store(bench: Bench, channel: Channel, day: date, rows: list[BillRow]) -> list[Any]:
    """Store a bill and match its day."""
    with bench.begin() as session:
        row = service.ensure_bill_day(session, channel=channel, day=day, due_at=None)
        service.store_bill(session, row, bill(channel, day, rows), now=bench.now)
        return service.match_day(session, row, now=bench.now)


class TestMatchDay:
    """match_day: written down once, settled by itself; how it differs is in test_matching."""

    def test_f106_a_payment_at_midnight_may_stand_in_the_next_bill(self, bench: Bench) -> None:
        """Ours says 23:59:59, theirs 00:00:00: missing at first, settled by the next day's bill."""
        bench.now = datetime(2026, 11, 20, 15, 59, 59, tzinfo=UTC)  # 23:59:59 in Shanghai
        _, number = bench.open_trade()
        bench.wechat.pay(number)
        bench.notify(number)
        row = bench.wechat.bill_rows(TODAY)[0]
        channel, next_day = Channel.WECHAT_PAY, TODAY + timedelta(days=1)
        found = store(bench, channel, TODAY, [])
        assert [item.kind for item in found] == [DifferenceKind.PAYMENT_MISSING_THERE]
        moved = replace(row, at=row.at + timedelta(seconds=1))
        assert store(bench, channel, next_day, [moved]) == []
        assert store(bench, channel, TODAY, []) == []

    def test_f106_the_day_is_shanghais(self, bench: Bench) -> None:
        """One second parts two business days, whatever UTC says."""
        for at in (
            datetime(2026, 11, 20, 15, 59, 59, tzinfo=UTC),
            datetime(2026, 11, 20, 16, tzinfo=UTC),
        ):
            bench.now = at
            _, number = bench.open_trade()
            bench.wechat.pay(number)
            bench.notify(number)
        for day in (TODAY, TODAY + timedelta(days=1)):
            rows = bench.wechat.bill_rows(day)
            assert len(rows) == 1
            assert store(bench, Channel.WECHAT_PAY, day, rows) == []

    def test_f106_matching_again_changes_nothing(self, bench: Bench) -> None:
        """The same difference is one row, however often it is found."""
        trade(bench, Channel.WECHAT_PAY, 700)
        rows = bench.wechat.bill_rows(TODAY)
        for _ in range(3):
            store(bench, Channel.WECHAT_PAY, TODAY, rows[1:])
        with bench.begin() as session:
            assert len(queries.list_differences(session)) == 1
            assert session.scalar(select(func.count()).select_from(BillLine)) == len(rows) - 1

    def test_a_difference_that_is_gone_is_resolved_and_may_come_back(self, bench: Bench) -> None:
        """By itself; what a person resolved stays resolved."""
        trade(bench, Channel.WECHAT_PAY, 700)
        rows = bench.wechat.bill_rows(TODAY)

        def statuses(shown: list[BillRow]) -> list[tuple[DifferenceStatus, str | None]]:
            store(bench, Channel.WECHAT_PAY, TODAY, shown)
            with bench.begin() as session:
                return [(row.status, row.resolution) for row in queries.list_differences(session)]

        assert statuses(rows[1:]) == [(DifferenceStatus.OPEN, None)]
        assert statuses(rows) == [(DifferenceStatus.RESOLVED, service.AGREES)]
        assert statuses(rows[1:]) == [(DifferenceStatus.OPEN, None)]
        with bench.begin() as session:
            known = queries.list_differences(session)[0]
            service.resolve_difference(session, known, resolution="phoned them", now=bench.now)
        assert statuses(rows[1:]) == [(DifferenceStatus.RESOLVED, "phoned them")]


class TestEnsureBillDay:
    """ensure_bill_day: one row per channel and day."""

    def test_keeps_the_first(self, bench: Bench) -> None:
        """A later wish changes no due moment."""
        found = []
        for due_at in (bench.now, None):
            with bench.begin() as session:
                found.append(
                    service.ensure_bill_day(
                        session, channel=Channel.ALIPAY, day=TODAY, due_at=due_at
                    ).due_at
                )
        assert found == [bench.now, bench.now]


class TestStoreBill:
    """store_bill: the rows as they came, and the fees, once."""

    def fees(self, bench: Bench) -> int:
        """Return what the platforms kept by our ledger."""
        with bench.begin() as session:
            return next(
                row.debits_less_credits_fen
                for row in list_balances(session)
                if row.kind is AccountKind.FEES
            )

    def store_fees(self, bench: Bench, *fees: int) -> None:
        """Store a bill of today whose rows have these fees."""
        rows = bench.wechat.bill_rows(TODAY)
        told = [replace(row, fee_fen=fee) for row, fee in zip(rows, fees, strict=True)]
        store(bench, Channel.WECHAT_PAY, TODAY, told)

    @pytest.mark.parametrize("fees", [(6, -3), (6, 0), (0, 0), (0, -3), (-5, -3), (5, -5)])
    def test_f107_posts_the_sum_of_the_rows_whatever_its_sign(
        self, bench: Bench, fees: tuple[int, int]
    ) -> None:
        """On a day of refunds the platform gives more fees back than it takes."""
        trade(bench, Channel.WECHAT_PAY, 700)
        for _ in range(2):
            self.store_fees(bench, *fees)
            assert self.fees(bench) == sum(fees)

    def test_f107_posts_what_a_corrected_bill_adds(self, bench: Bench) -> None:
        """The difference alone, under a leg of its own; nothing posted is changed."""
        trade(bench, Channel.WECHAT_PAY, 700)
        for fees in ((6, -3), (9, -3), (9, -3), (0, 0)):
            self.store_fees(bench, *fees)
            assert self.fees(bench) == sum(fees)
        with bench.begin() as session:
            legs = session.scalars(
                select(Transfer.leg).where(Transfer.cause_kind == "bill_day").order_by(Transfer.seq)
            ).all()
        assert legs == ["fees", "fees_2", "fees_3"]

    def test_f107_rounding_per_row_is_the_platforms(self, bench: Bench) -> None:
        """Three fees of less than a fen are nothing, as the platform rounds them; we add no own."""
        bench.wechat.fee_basis_points = 60
        for _ in range(3):
            trade(bench, Channel.WECHAT_PAY, 83)
        store(bench, Channel.WECHAT_PAY, TODAY, bench.wechat.bill_rows(TODAY))
        # 166 fen at 0.6 % is 0.996 fen: rounded by the day it would be 2, by the row it is 0.
        assert self.fees(bench) == 0

    def test_remembers_which_file_it_was(self, bench: Bench) -> None:
        """Hash and moment of the download."""
        store(bench, Channel.WECHAT_PAY, TODAY, [])
        with bench.begin() as session:
            row = session.scalars(select(BillDay)).one()
        assert (row.sha256, row.downloaded_at, row.matched_at) == ("x", bench.now, bench.now)
