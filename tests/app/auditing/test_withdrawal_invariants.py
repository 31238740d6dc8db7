"""Every invariant of withdrawals sees what is planted to break it, and nothing else."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from app.auditing.withdrawal_invariants import WITHDRAWAL_INVARIANTS
from shop.payments.gateway import Channel
from shop.payments.transfer_gateway import TransferState
from shop.withdrawals import service
from tests.app.auditing.test_invariants import violated
from tests.factories.owning import owning
from tests.factories.referrals import ReferralBench

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PAID = "(SELECT id FROM withdrawals WHERE status = 'paid' ORDER BY id LIMIT 1)"

PLANTED: dict[str, list[str]] = {
    "I13.steps_of_withdrawals_lead_here": [
        "DELETE FROM status_changes WHERE kind = 'withdrawal' AND new = 'paid'",
        f"UPDATE withdrawals SET status = 'failed' WHERE id = {PAID}",
    ],
    "I16.withdrawals_come_to_an_end": [
        "UPDATE withdrawals SET due_at = NULL WHERE status = 'awaiting_user'",
        "UPDATE withdrawals SET due_at = due_at - interval '2 days' WHERE due_at IS NOT NULL",
        f"UPDATE withdrawals SET status = 'requested' WHERE id = {PAID}",
    ],
    "I31.withdrawals_are_in_the_statement": [
        "DELETE FROM commission_entries WHERE kind = 'returned'",
        f"UPDATE withdrawals SET amount_fen = amount_fen + 1 WHERE id = {PAID}",
        f"DELETE FROM withdrawals WHERE id = {PAID}",
        "UPDATE withdrawals SET status = 'paid' WHERE status = 'failed'",
    ],
    "I31.nothing_more_is_set_apart": [
        "UPDATE earnings SET withdrawing_fen = withdrawing_fen + 1",
        "UPDATE withdrawals SET ended_at = requested_at WHERE status = 'awaiting_user'",
    ],
    "ledger.withdrawals_left_the_house": [
        "DELETE FROM transfers WHERE cause_kind = 'withdrawal' AND leg = 'paid'",
        "DELETE FROM transfers WHERE cause_kind = 'withdrawal' AND leg = 'fee'",
        "UPDATE transfers SET amount_fen = amount_fen + 1 WHERE cause_kind = 'withdrawal'",
        f"UPDATE withdrawals SET channel = 'wechat_pay' WHERE id = {PAID}",
        f"UPDATE withdrawals SET status = 'failed' WHERE id = {PAID}",
    ],
    "I9.platforms_agree": [
        f"UPDATE withdrawals SET amount_fen = amount_fen + 1 WHERE id = {PAID}",
        f"DELETE FROM withdrawals WHERE id = {PAID}",
    ],
}
RELAXED = (
    "ALTER TABLE withdrawals DROP CONSTRAINT ck_withdrawals_ended_whole",
    "ALTER TABLE withdrawals DROP CONSTRAINT ck_withdrawals_due_when",
    "ALTER TABLE withdrawals DROP CONSTRAINT ck_withdrawals_payee_when",
)


def live(shop: ReferralBench) -> None:
    """Let withdrawals come to each of their ends, and one wait."""
    shop.rule()
    shop.terms = replace(shop.terms, fee_basis_points=100)
    leader = shop.leader()
    shop.sold(leader, price_fen=50_000)
    other = shop.leader()
    shop.sold(other, price_fen=9_000)
    shop.mature()
    shop.withdraw(leader, 1000)
    shop.sweep("send")
    for state, ends in ((TransferState.FAILED, True), (TransferState.AWAITING_USER, False)):
        shop.transfers[Channel.WECHAT_PAY].starts = state
        asked = shop.withdraw(leader, 500, Channel.WECHAT_PAY)
        shop.sweep("send")
        assert (shop.withdrawal(asked.id).ended_at is not None) is ends
    shop.terms = replace(shop.terms, review_from_fen=500)
    for fen in (500, 400):
        asked = shop.withdraw(other, fen)
        with shop.begin() as session:
            if fen == 500:
                service.reject(session, asked.id, why="no", actor="op", now=shop.now)
            else:
                service.cancel(session, asked.id, member_id=other, now=shop.now)


@pytest.fixture(scope="module")
def lively(owner_url: str) -> Iterator[ReferralBench]:
    """Return a database in which everything has happened to withdrawals."""
    with owning(owner_url) as begin:
        shop = ReferralBench(begin, NOW)
        live(shop)
        yield shop


class TestWithdrawalInvariants:
    """WITHDRAWAL_INVARIANTS, and the platforms' books."""

    def test_find_nothing_where_all_is_well(self, lively: ReferralBench) -> None:
        """Every end is there."""
        assert violated(lively) == set()
        with lively.begin() as session:
            statuses = set(session.scalars(text("SELECT DISTINCT status FROM withdrawals")))
        assert statuses == {"paid", "failed", "awaiting_user", "rejected", "cancelled"}

    @pytest.mark.parametrize(
        ("name", "sql"),
        [(name, sql) for name, sqls in PLANTED.items() for sql in sqls],
        ids=[f"{name}-{index}" for name, sqls in PLANTED.items() for index in range(len(sqls))],
    )
    def test_see_what_is_planted(self, lively: ReferralBench, name: str, sql: str) -> None:
        """Planted by the owner with every trigger off: no constraint stands in the way."""
        assert name in violated(lively, *RELAXED, sql)

    def test_each_has_something_planted(self) -> None:
        """An invariant that nothing was shown to break may be none."""
        names = {invariant.name for invariant in WITHDRAWAL_INVARIANTS}
        assert names == set(PLANTED) - {"I9.platforms_agree"}

    def test_see_a_withdrawal_that_nobody_looks_at(self, lively: ReferralBench) -> None:
        """What is in order now is overdue later."""
        lively.now += timedelta(days=3)
        overdue = violated(lively)
        lively.now -= timedelta(days=3)
        assert "I16.withdrawals_come_to_an_end" in overdue
