"""Every invariant of referral sees what is planted to break it, and nothing else."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from app.auditing.referral_invariants import REFERRAL_INVARIANTS
from shop.members.service import pseudonymise
from tests.app.auditing.test_invariants import violated
from tests.factories.owning import owning
from tests.factories.referrals import HOLDS, ReferralBench
from tests.shop.referral.test_invites import join

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ONE = "(SELECT id FROM commissions WHERE status = '{}' ORDER BY id LIMIT 1)"
PENDING, PAYABLE, PAID = (ONE.format(status) for status in ("pending", "payable", "paid"))
OF_PENDING = f"(SELECT order_id FROM commissions WHERE id = {PENDING})"
COMING = "id = (SELECT id FROM accounts WHERE kind = 'commission_pending' LIMIT 1)"

PLANTED: dict[str, list[str]] = {
    "I13.steps_of_commissions_lead_here": [
        "DELETE FROM status_changes WHERE kind = 'commission' AND new = 'paid'",
        f"UPDATE commissions SET status = 'paid' WHERE id = {PAYABLE}",
    ],
    "I16.commissions_come_to_an_end": [
        f"UPDATE commissions SET due_at = due_at - interval '30 days' WHERE id = {PENDING}",
    ],
    "I30.nobody_earns_from_themselves": [
        (
            "UPDATE orders o SET member_id = c.earner_id FROM commissions c"
            f" WHERE c.order_id = o.id AND c.id = {PENDING}"
        ),
    ],
    "I30.one_level": [
        f"DELETE FROM attributions WHERE order_id = {OF_PENDING}",
        (
            f"UPDATE commissions SET earner_id = (SELECT member_id FROM orders WHERE id = order_id)"
            f" WHERE id = {PENDING}"
        ),
        (
            f"UPDATE commissions SET order_id = (SELECT id FROM orders WHERE id <> {OF_PENDING}"
            f" LIMIT 1) WHERE id = {PENDING}"
        ),
        "UPDATE touches SET refusal = 'related' WHERE refusal IS NULL",
        "UPDATE touches SET at = at + interval '1 hour' WHERE refusal IS NULL",
        "UPDATE touches SET expires_at = at",
        "UPDATE attributions SET touch_id = (SELECT id FROM touches WHERE refusal IS NOT NULL)",
    ],
    "I31.commissions_within_their_rules": [
        f"UPDATE commissions SET base_fen = base_fen + 1 WHERE id = {PENDING}",
        f"UPDATE commissions SET amount_fen = amount_fen + 1 WHERE id = {PAYABLE}",
        f"UPDATE commissions SET basis_points = basis_points - 100 WHERE id = {PAID}",
        "UPDATE commissions SET left_fen = amount_fen WHERE left_fen BETWEEN 1 AND amount_fen - 1",
        "UPDATE commissions SET fixed_fen = fixed_fen - 1 WHERE fixed_fen IS NOT NULL",
        "UPDATE commissions SET quantity = quantity + 1",
    ],
    "I31.payable_after_the_window": [
        "UPDATE status_changes SET at = at - interval '1 second' WHERE new = 'payable'",
        (
            "UPDATE orders o SET fulfilled_at = NULL FROM commissions c"
            f" WHERE c.order_id = o.id AND c.id = {PAYABLE}"
        ),
    ],
    "I31.nothing_is_left_behind": [
        (
            "UPDATE members SET status = 'deleted', leader_since = NULL,"
            " deleted_at = created_at - interval '1 hour'"
            " WHERE id = (SELECT member_id FROM earnings WHERE payable_fen > 0 LIMIT 1)"
        ),
        (
            "UPDATE members SET status = 'deleted', leader_since = NULL,"
            " deleted_at = created_at - interval '1 hour'"
            " WHERE id = (SELECT member_id FROM earnings WHERE pending_fen > 0 LIMIT 1)"
        ),
    ],
    "ledger.statements_are_the_books": [
        "UPDATE earnings SET pending_fen = pending_fen + 1",
        "UPDATE earnings SET paid_fen = paid_fen + 1",
        "DELETE FROM commission_entries WHERE kind = 'matured'",
        "DELETE FROM transfers WHERE cause_kind = 'commission' AND leg = 'matured'",
        "UPDATE commission_entries SET debt_fen = debt_fen + 1 WHERE kind = 'indebted'",
        "DELETE FROM earnings",
        f"UPDATE accounts SET owner = 'somebody' WHERE {COMING}",
    ],
    "ledger.commissions_are_all_there": [
        f"UPDATE commissions SET left_fen = left_fen - 1 WHERE id = {PAYABLE}",
        f"DELETE FROM commissions WHERE id = {PENDING}",
        "UPDATE earnings SET payable_fen = payable_fen - 1 WHERE payable_fen > 0",
        "UPDATE transfers SET amount_fen = amount_fen + 1 WHERE leg = 'earned'",
    ],
}
RELAXED = (
    "ALTER TABLE earnings DROP CONSTRAINT ck_earnings_set_off",
    "ALTER TABLE commissions DROP CONSTRAINT ck_commissions_amounts_sane",
    "ALTER TABLE touches DROP CONSTRAINT ck_touches_window_sane",
    "ALTER TABLE orders DROP CONSTRAINT ck_orders_paid_when",
)


def live(shop: ReferralBench) -> None:
    """Let a commission come to each of its ends, and one of each kind be written down."""
    shop.rule()
    leader, other = shop.leader(), shop.leader()
    fixed = shop.sku(2)
    shop.rule(sku_id=fixed, fixed_fen=70)
    paid = shop.sold(leader, 3, price_fen=333)
    shop.sold(other)
    shop.mature()
    shop.pay_out(leader)
    shop.return_units(paid, 1)
    shop.sold(leader)
    shop.buy(shop.brought(leader), (fixed, 2))
    shop.mature()
    shop.return_units(shop.sold(leader))
    gone = shop.leader()
    shop.sold(gone)
    join(shop, gone, leader)
    shop.relay()
    shop.open(leader, leader)
    shop.now += timedelta(minutes=11)
    shop.sold(other)
    closed = shop.leader()
    shop.sold(closed)
    with shop.begin() as session:
        pseudonymise(session, member_id=closed, now=shop.now - timedelta(minutes=20))
    shop.relay()


@pytest.fixture(scope="module")
def lively(owner_url: str) -> Iterator[ReferralBench]:
    """Return a database in which everything has happened to commissions."""
    with owning(owner_url) as begin:
        shop = ReferralBench(begin, NOW)
        live(shop)
        yield shop


class TestReferralInvariants:
    """REFERRAL_INVARIANTS."""

    def test_find_nothing_where_all_is_well(self, lively: ReferralBench) -> None:
        """Every status of a commission and every kind of entry is there."""
        assert violated(lively) == set()
        with lively.begin() as session:
            statuses = set(session.scalars(text("SELECT DISTINCT status FROM commissions")))
            kinds = set(session.scalars(text("SELECT DISTINCT kind FROM commission_entries")))
        assert statuses == {"pending", "payable", "paid", "clawed_back", "given_up"}
        assert len(kinds) == 10

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
        assert {invariant.name for invariant in REFERRAL_INVARIANTS} == set(PLANTED)

    def test_see_a_commission_that_nobody_looks_at(self, lively: ReferralBench) -> None:
        """What is in order now is overdue later."""
        lively.now += HOLDS + timedelta(days=2)
        overdue = violated(lively)
        lively.now -= HOLDS + timedelta(days=2)
        assert "I16.commissions_come_to_an_end" in overdue
