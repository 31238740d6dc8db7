"""Day sums equal the ledger, whatever happened to orders, and the invariants see where they do not.

The auditor's whole run is shown elsewhere to find nothing; here only what is new is asked.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from app.auditing.report_invariants import REPORT_INVARIANTS
from kit.clock import business_day_bounds
from shop.ledger import queries as ledger
from shop.ledger.models import AccountKind, Transfer
from shop.ledger.rules import HOUSE_ACCOUNTS, account_id
from shop.payments.models import RefundReason
from shop.reports import jobs, queries
from shop.reports.models import DayFigure, FigureKind, ReportDay
from shop.reports.queries import Span
from tests.app.auditing.test_invariants import Undone, live
from tests.factories.bench import Bench
from tests.factories.owning import owning, plant

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TODAY = date(2026, 11, 20)
DAY = f"day = '{TODAY}'"
EXPORT = (
    "INSERT INTO exports (id, kind, format, query, status, operator_id, asked_by, asked_at,"
    " file_name, row_count, byte_count, sha256, attempts, due_at) VALUES"
    " ('019aa000-0000-7000-8000-000000000001', 'orders', 'csv', '{}', 'done', gen_random_uuid(),"
    " 'x', now(), 'x.csv', 1, 6, 'x', 1, :due)"
)
CHUNKS = (
    "INSERT INTO export_chunks SELECT '019aa000-0000-7000-8000-000000000001', n, 'abc'"
    " FROM generate_series(0, 1) n"
)
GAP = (
    "INSERT INTO report_days (id, day, is_closed, attempts, due_at)"
    " VALUES (gen_random_uuid(), '2026-12-24', false, 0, '2026-12-24')"
)
PLANTED = {
    "I16.days_come_to_an_end": [
        GAP,
        "UPDATE report_days SET is_closed = false, due_at = '2026-11-19' WHERE " + DAY,
    ],
    "ledger.days_are_the_books": [
        "UPDATE account_days SET debits_fen = debits_fen + 1 WHERE " + DAY,
        "UPDATE account_days SET entries = entries + 1 WHERE " + DAY,
        "DELETE FROM account_days WHERE " + DAY,
        "UPDATE transfers SET amount_fen = amount_fen + 1 WHERE leg = 'earned'",
        "DELETE FROM transfers WHERE leg = 'earned'",
    ],
    "ledger.figures_are_the_books": [
        "UPDATE day_figures SET amount_fen = amount_fen + 1 WHERE kind = 'paid'",
        "UPDATE day_figures SET things = things + 1 WHERE kind = 'promised_back'",
        "DELETE FROM day_figures WHERE kind = 'given_back'",
        "UPDATE transfers SET amount_fen = amount_fen + 1 WHERE leg = 'captured'",
    ],
    "I16.exports_come_to_an_end": [
        "UPDATE exports SET due_at = due_at - interval '30 days'",
    ],
    "exports.files_are_whole": [
        "DELETE FROM export_chunks",
        "DELETE FROM export_chunks WHERE position = 0",
        "UPDATE exports SET byte_count = 5",
        "UPDATE exports SET status = 'deleted', due_at = NULL",
    ],
}


@pytest.fixture(scope="module")
def lively(owner_url: str) -> Iterator[Bench]:
    """Return a database in which everything has happened, and its days are summed and closed."""
    with owning(owner_url) as begin:
        bench = Bench(begin, NOW)
        live(bench)
        jobs.sum_due_days(begin, now=bench.now)
        bench.now = business_day_bounds(TODAY)[1] + timedelta(hours=1)
        jobs.sum_due_days(begin, now=bench.now)
        with begin() as session:
            plant(session, EXPORT, due=bench.now + timedelta(days=7))
            plant(session, CHUNKS)
        yield bench


def violated(bench: Bench, *sqls: str) -> set[str]:
    """Return which of these invariants are broken after the statements, and undo them."""
    found: set[str] = set()

    def look() -> None:
        with bench.begin() as session:
            for sql in sqls:
                plant(session, sql)
            for one in REPORT_INVARIANTS:
                values = {"now": bench.now} if ":now" in one.sql else {}
                if session.execute(text(one.sql), values).first() is not None:
                    found.add(one.name)
            raise Undone

    with pytest.raises(Undone):
        look()
    return found


class TestInvariants:
    def test_find_nothing_where_all_is_well(self, lively: Bench) -> None:
        assert violated(lively) == set()

    @pytest.mark.parametrize("name", list(PLANTED))
    def test_see_what_is_planted(self, lively: Bench, name: str) -> None:
        for sql in PLANTED[name]:
            assert name in violated(lively, sql), sql

    def test_each_has_something_planted(self) -> None:
        assert {one.name for one in REPORT_INVARIANTS} == set(PLANTED)


class TestSums:
    def test_the_day_is_closed_and_the_next_one_goes_on(self, lively: Bench) -> None:
        with lively.begin() as session:
            days = session.execute(
                select(ReportDay.day, ReportDay.is_closed).order_by(ReportDay.day)
            )
            # The first is the one before the first transfer, so that none is ever left out.
            assert [tuple(day) for day in days] == [
                (date(2026, 11, 19), True),
                (TODAY, True),
                (date(2026, 11, 21), False),
            ]

    def test_balances_are_those_of_the_transfers(self, lively: Bench) -> None:
        house = [account_id(*one) for one in HOUSE_ACCOUNTS]
        with lively.begin() as session:
            expected = {
                account_id(one.kind, one.owner): one.debits_less_credits_fen
                for one in ledger.list_balances(session)
                if one.debits_less_credits_fen
            }
            found = queries.sum_accounts(session, house)
            assert expected == {
                row_id: one.debits_fen - one.credits_fen
                for row_id, one in found.items()
                if one.debits_fen != one.credits_fen
            }
            by_kind = queries.sum_by_kind(session, [AccountKind.CLEARING])
            clearing = [account_id(AccountKind.CLEARING, one) for one in ("wechat_pay", "alipay")]
            moved = sum(found[one].debits_fen for one in clearing)
            assert by_kind[AccountKind.CLEARING].debits_fen == moved > 0

    def test_what_bought_nothing_is_of_no_sku(self, lively: Bench) -> None:
        """It came late or twice; and what reports say is what came in."""
        span = Span(TODAY, TODAY)
        with lively.begin() as session:
            paid = queries.sum_figures(session, FigureKind.PAID, span, DayFigure.sku_id)
            back = queries.sum_figures(session, FigureKind.PROMISED_BACK, span, DayFigure.reason)
            captured, count = session.execute(
                select(func.sum(Transfer.amount_fen), func.count()).where(
                    Transfer.leg == "captured"
                )
            ).one()
        assert (sum(one.amount_fen for one in paid), sum(one.things for one in paid)) == (
            captured,
            count,
        )
        beside = {RefundReason.LATE, RefundReason.DOUBLE}
        (nothing,) = [one.amount_fen for one in paid if one.of is None]
        assert nothing == sum(one.amount_fen for one in back if one.of in beside) > 0
        assert all(one.units for one in paid if one.of is not None)
