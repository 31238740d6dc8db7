"""Every invariant of order sheets sees what is planted to break it, and nothing else."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from app.auditing.sheet_invariants import SHEET_INVARIANTS
from tests.app.auditing.test_invariants import violated
from tests.factories.bench import PAY_WITHIN, Bench
from tests.factories.owning import owning
from tests.factories.sheets import LASTS, SheetBench

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SHEET = "(SELECT id FROM order_sheets WHERE status = '{}' ORDER BY id LIMIT 1)"
ENTRY = "(SELECT id FROM sheet_entries WHERE status = '{}' ORDER BY id LIMIT 1)"
ORDER_OF = "(SELECT order_id FROM sheet_entries WHERE status = '{}' ORDER BY id LIMIT 1)"
OPEN, CONFIRMED, FAILED, CANCELLED = (
    SHEET.format(status) for status in ("open", "confirmed", "failed", "cancelled")
)
OF_OPEN = f"sheet_id = {OPEN}"
OF_CONFIRMED = "sheet_id IN (SELECT id FROM order_sheets WHERE status = 'confirmed')"

PLANTED: dict[str, list[str]] = {
    "I13.sheet_steps_lead_here": [
        f"UPDATE order_sheets SET status = 'cancelled' WHERE id = {CONFIRMED}",
        "DELETE FROM status_changes WHERE kind = 'sheet_entry' AND new = 'returned'",
    ],
    "I16.sheets_come_to_an_end": [
        "UPDATE order_sheets SET due_at = NULL WHERE status = 'open'",
        "UPDATE order_sheets SET due_at = ends_at WHERE status = 'failed'",
        (
            "UPDATE order_sheets SET ends_at = ends_at - interval '1 day',"
            " opened_at = opened_at - interval '1 day' WHERE status = 'open'"
        ),
    ],
    "I25.sheet_numbers_have_no_gap": [
        f"UPDATE sheet_entries SET number = number + 1, after_number = number WHERE {OF_OPEN}",
        f"UPDATE sheet_entries SET number = 1 WHERE {OF_OPEN} AND number = 2",
        f"DELETE FROM sheet_entries WHERE id = {ENTRY.format('left')}",
        f"UPDATE order_sheets SET entries_count = entries_count + 1 WHERE id = {OPEN}",
    ],
    "I26.sheet_totals_are_honest": [
        f"UPDATE order_sheets SET paid_fen = paid_fen + 1 WHERE id = {OPEN}",
        f"UPDATE order_sheets SET paid_fen = 0 WHERE id = {CANCELLED}",
        (
            f"UPDATE sheet_entries SET status = 'paid', paid_at = joined_at WHERE id ="
            f" {ENTRY.format('held')}"
        ),
        f"UPDATE sheet_entries SET total_fen = total_fen + 1 WHERE id = {ENTRY.format('left')}",
        (
            "UPDATE sheet_entries e SET member_id = s.leader_id FROM order_sheets s"
            " WHERE s.id = e.sheet_id"
        ),
    ],
    "I26.sheet_prices_are_the_leaders": [
        "UPDATE sheet_items SET price_fen = price_fen + 1",
        "UPDATE sheet_items SET band_max_fen = price_fen - 1",
        f"DELETE FROM sheet_items WHERE {OF_OPEN}",
    ],
    "I26.sheet_decided_by_its_minimum": [
        f"UPDATE order_sheets SET minimum_fen = paid_fen + 1 WHERE id = {CONFIRMED}",
        f"UPDATE order_sheets SET minimum_fen = paid_fen WHERE id = {FAILED}",
        f"UPDATE order_sheets SET ends_at = ends_at + interval '1 second' WHERE id = {FAILED}",
        f"UPDATE status_changes SET actor = 'leader' WHERE row_id = {FAILED}",
        f"UPDATE status_changes SET actor = 'scheduler' WHERE row_id = {CANCELLED}",
        f"UPDATE status_changes SET actor = 'somebody' WHERE row_id = {CONFIRMED}",
    ],
    "I26.sheet_entries_paid_in_time": [
        (
            "UPDATE payments SET captured_at = captured_at + interval '1 day' WHERE order_id ="
            f" {ORDER_OF.format('paid')}"
        ),
    ],
    "I27.sheet_failed_means_repaid": [
        "DELETE FROM refunds WHERE reason = 'sheet_failed'",
        "UPDATE refunds SET amount_fen = amount_fen - 1 WHERE reason = 'sheet_failed'",
        "UPDATE refunds SET reason = 'left' WHERE reason = 'sheet_failed'",
        f"UPDATE orders SET fulfilled_at = paid_at WHERE id = {ORDER_OF.format('returned')}",
        f"UPDATE orders SET status = 'paid' WHERE id = {ORDER_OF.format('returned')}",
        f"UPDATE sheet_entries SET status = 'paid' WHERE id = {ENTRY.format('returned')}",
        "UPDATE refunds SET reason = 'sheet_failed' WHERE reason = 'left'",
    ],
    "I27.sheet_confirmed_means_kept": [
        (
            f"UPDATE orders SET is_held = true WHERE id IN (SELECT order_id FROM sheet_entries"
            f" WHERE {OF_CONFIRMED} AND status = 'paid')"
        ),
        f"UPDATE sheet_entries SET status = 'held' WHERE {OF_CONFIRMED} AND status = 'lapsed'",
        (
            "UPDATE refunds SET order_id = (SELECT order_id FROM sheet_entries WHERE"
            f" {OF_CONFIRMED} AND status = 'paid' LIMIT 1) WHERE reason = 'left'"
        ),
    ],
    "I27.sheet_given_up_means_repaid": [
        f"UPDATE orders SET fulfilled_at = placed_at WHERE id = {ORDER_OF.format('lapsed')}",
        (
            "UPDATE orders SET status = 'paid', paid_at = placed_at - interval '2 minutes'"
            f" WHERE id = {ORDER_OF.format('left')}"
        ),
    ],
    "I27.no_orphan_payment": [
        (
            "UPDATE orders SET paid_at = paid_at - interval '2 minutes';"
            f" DELETE FROM sheet_entries WHERE {OF_OPEN} AND status = 'paid'"
        ),
        (
            "UPDATE orders SET paid_at = paid_at - interval '2 minutes';"
            f" UPDATE order_sheets SET status = 'failed', decided_at = ends_at WHERE id = {OPEN}"
        ),
    ],
}


# What the database itself would refuse; the auditor must see it all the same.
RELAXED = (
    "ALTER TABLE order_sheets DROP CONSTRAINT ck_order_sheets_minimum_met",
    "ALTER TABLE order_sheets DROP CONSTRAINT ck_order_sheets_minimum_missed",
    "ALTER TABLE order_sheets DROP CONSTRAINT ck_order_sheets_decided_when",
    (
        "ALTER TABLE sheet_entries DROP CONSTRAINT"
        " fk_sheet_entries_sheet_id_after_number_sheet_entries"
    ),
    "ALTER TABLE sheet_entries DROP CONSTRAINT uq_sheet_entries_sheet_id_number",
    "ALTER TABLE sheet_entries DROP CONSTRAINT ck_sheet_entries_after_the_one_before",
    "ALTER TABLE sheet_items DROP CONSTRAINT ck_sheet_items_price_in_band",
)


def live(fair: SheetBench) -> None:
    """Let everything happen that may happen to a sheet."""
    early, cancelled = fair.open(minimum_fen=900), fair.open()
    failing, meeting = fair.open(minimum_fen=5000), fair.open(minimum_fen=900)
    for sheet_id in (early, cancelled, failing, meeting):
        fair.bought(sheet_id)
        fair.order(sheet_id)
    fair.close(early)
    fair.cancel(cancelled)
    fair.shop.now += PAY_WITHIN
    fair.shop.sweep()
    fair.relay()
    fair.shop.now += LASTS - PAY_WITHIN
    fair.decide()
    fair.shop.sweep()
    open_sheet = fair.open()
    leaver = fair.bought(open_sheet)
    fair.bought(open_sheet)
    fair.order(open_sheet)
    fair.leave(open_sheet, leaver.order.member_id)
    fair.relay()


@pytest.fixture(scope="module")
def lively(owner_url: str) -> Iterator[Bench]:
    """Return a database in which everything has happened to sheets, in its owner's hands."""
    with owning(owner_url) as begin:
        fair = SheetBench(Bench(begin, NOW))
        live(fair)
        yield fair.shop


class TestSheetInvariants:
    """SHEET_INVARIANTS, and the one of orphans that groups and sheets share."""

    def test_find_nothing_where_all_is_well(self, lively: Bench) -> None:
        """Every status of a sheet and of an entry is there."""
        assert violated(lively) == set()
        with lively.begin() as session:
            sheets = set(session.scalars(text("SELECT DISTINCT status FROM order_sheets")))
            entries = set(session.scalars(text("SELECT DISTINCT status FROM sheet_entries")))
        assert sheets == {"open", "confirmed", "failed", "cancelled"}
        assert entries == {"held", "paid", "lapsed", "left", "returned"}

    @pytest.mark.parametrize(
        ("name", "sql"),
        [(name, sql) for name, sqls in PLANTED.items() for sql in sqls],
        ids=[f"{name}-{index}" for name, sqls in PLANTED.items() for index in range(len(sqls))],
    )
    def test_see_what_is_planted(self, lively: Bench, name: str, sql: str) -> None:
        """Planted by the owner with every trigger off: no constraint stands in the way."""
        assert name in violated(lively, *RELAXED, *sql.split(";"))

    def test_each_has_something_planted(self) -> None:
        """An invariant that nothing was shown to break may be none."""
        told = {invariant.name for invariant in SHEET_INVARIANTS}
        assert told | {"I27.no_orphan_payment"} == set(PLANTED)

    def test_see_a_sheet_that_nobody_decides(self, lively: Bench) -> None:
        """What is in order now is overdue later."""
        lively.now += LASTS + timedelta(minutes=11)
        overdue = violated(lively)
        lively.now -= LASTS + timedelta(minutes=11)
        assert "I16.sheets_come_to_an_end" in overdue
