"""Every invariant of approvals and of codes that left sees what is planted, and nothing else."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from app.auditing.approval_invariants import APPROVAL_INVARIANTS
from shop.approvals import service
from tests.app.auditing.test_invariants import violated
from tests.factories.bench import Bench
from tests.factories.code_exports import ExportDesk
from tests.factories.owning import owning
from tests.shop.cards.stock import Stock

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TAKEN = "(SELECT approval_id FROM code_exports)"

PLANTED: dict[str, list[str]] = {
    "I13.steps_of_approvals_lead_here": [
        "DELETE FROM status_changes WHERE kind = 'approval' AND new = 'carried_out'",
        f"UPDATE approvals SET status = 'failed' WHERE id = {TAKEN}",
    ],
    "I16.approvals_come_to_an_end": [
        "UPDATE approvals SET due_at = due_at + interval '1 day' WHERE status = 'waiting'",
        (
            "UPDATE approvals SET asked_at = asked_at - interval '9 days', due_at = due_at"
            " - interval '9 days', expires_at = expires_at - interval '9 days'"
        ),
    ],
    "approvals.carried_out_once": [
        "DELETE FROM operator_actions WHERE after ? 'approval'",
        "UPDATE operator_actions SET operator_id = NULL WHERE after ? 'approval'",
        f"UPDATE approvals SET status = 'failed' WHERE id = {TAKEN}",
    ],
    "I18.exported_codes_are_traced": [
        "DELETE FROM exported_cards WHERE card_id = (SELECT card_id FROM exported_cards LIMIT 1)",
        "DELETE FROM exported_cards",
        "UPDATE cards SET exported_at = NULL",
        "UPDATE code_exports SET cards_count = cards_count + 1",
        "UPDATE code_exports SET at = at + interval '31 minutes'",
        "UPDATE code_exports SET exported_by_id = approved_by_id, approved_by_id = exported_by_id",
        f"UPDATE approvals SET status = 'failed' WHERE id = {TAKEN}",
        f"UPDATE approvals SET kind = 'undo_batch' WHERE id = {TAKEN}",
        f"UPDATE approvals SET subject = 'x' WHERE id = {TAKEN}",
        "UPDATE cards SET status = 'void', is_sellable = false, exported_at = now()",
    ],
}


@pytest.fixture(scope="module")
def lively(owner_url: str) -> Iterator[Bench]:
    """Return a database in which codes were asked for, refused, approved, fetched, and wait."""
    with owning(owner_url) as begin:
        bench = Bench(begin, NOW)
        desk = ExportDesk(Stock(begin, NOW, vault=bench.vault))
        desk.fetch(desk.approved(desk.frozen(count=2)))
        desk.ask(desk.frozen())
        refused = desk.ask(desk.frozen())
        with begin() as session:
            service.withdraw(session, refused, doer=desk.asker, now=NOW)
        yield bench


class TestApprovalInvariants:
    """APPROVAL_INVARIANTS."""

    def test_find_nothing_where_all_is_well(self, lively: Bench) -> None:
        """One of each is there."""
        assert violated(lively) == set()

    @pytest.mark.parametrize(
        ("name", "sql"),
        [(name, sql) for name, sqls in PLANTED.items() for sql in sqls],
        ids=[f"{name}-{index}" for name, sqls in PLANTED.items() for index in range(len(sqls))],
    )
    def test_see_what_is_planted(self, lively: Bench, name: str, sql: str) -> None:
        """Planted by the owner with every trigger off."""
        assert name in violated(lively, sql)

    def test_each_has_something_planted(self) -> None:
        """An invariant that nothing was shown to break may be none."""
        assert {invariant.name for invariant in APPROVAL_INVARIANTS} == set(PLANTED)
