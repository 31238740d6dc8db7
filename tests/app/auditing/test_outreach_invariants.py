"""Every invariant of outreach sees what is planted to break it, and nothing else."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from app.auditing.outreach_invariants import OUTREACH_INVARIANTS
from shop.chat_groups.models import ChatChannel
from shop.outreach.inbox.models import NoticeKind
from shop.outreach.models import PushEdge
from tests.app.auditing.test_invariants import violated
from tests.factories.outreach import HOUR, OutreachBench
from tests.factories.owning import owning

NOON = datetime(2024, 6, 18, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

PLANTED: dict[str, list[str]] = {
    "I13.steps_of_pushes_lead_here": [
        "DELETE FROM status_changes WHERE kind = 'push' AND new = 'confirmed'",
        "DELETE FROM status_changes WHERE kind = 'grant' AND new = 'used'",
        "DELETE FROM status_changes WHERE kind = 'delivery' AND new = 'sent'",
    ],
    "I16.pushes_come_to_an_end": [
        "UPDATE pushes SET due_at = NULL WHERE status = 'planned'",
        "UPDATE pushes SET due_at = planned_for WHERE status = 'sent'",
        "UPDATE deliveries SET due_at = sent_at WHERE status = 'sent'",
        "UPDATE deliveries SET due_at = NULL WHERE status = 'planned'",
    ],
    "I29.one_message_per_push": [
        (
            "INSERT INTO status_changes (kind, row_id, old, new, at, actor) SELECT kind, row_id,"
            " old, new, at, actor FROM status_changes WHERE kind = 'push' AND new = 'sent'"
        ),
        "UPDATE pushes SET edge = 'open'",
        "UPDATE pushes SET handed_at = NULL WHERE status = 'confirmed'",
        "UPDATE pushes SET text = NULL WHERE status = 'sent'",
    ],
    "I29.pushes_lead_to_their_group": [
        "UPDATE pushes SET invite_code = 'NOTHING'",
        "UPDATE pushes SET text = 'https://elsewhere.example' WHERE status = 'sent'",
        "UPDATE invites SET chat_group_id = NULL",
        "UPDATE invites SET campaign_id = NULL",
    ],
    "I29.grants_are_used_once": [
        "UPDATE deliveries SET grant_id = NULL",
        "UPDATE subscribe_grants SET status = 'open' WHERE status = 'used'",
        "UPDATE subscribe_grants SET status = 'used' WHERE status = 'reserved'",
        "UPDATE subscribe_grants SET status = 'reserved' WHERE status = 'used'",
        "UPDATE subscribe_grants SET status = 'closed' WHERE status = 'used'",
        "UPDATE deliveries SET grant_id = (SELECT id FROM subscribe_grants WHERE status = 'used')",
    ],
    "I29.members_are_told": [
        "DELETE FROM inbox_messages WHERE kind = 'order_refunded'",
        "DELETE FROM inbox_messages WHERE kind = 'cards_ready'",
    ],
}
RELAXED = (
    "ALTER TABLE pushes DROP CONSTRAINT uq_pushes_campaign_id_edge_chat_group_id",
    "ALTER TABLE pushes DROP CONSTRAINT ck_pushes_handed_when",
    "ALTER TABLE deliveries DROP CONSTRAINT uq_deliveries_grant_id",
)


def live(shop: OutreachBench) -> None:
    """Let pushes, grants and deliveries come to their ends, and some stay on the way."""
    shop.robot_group()
    shop.customer_group()
    campaign_id = shop.plain_campaign(starts_in=timedelta(0), lasts=72 * HOUR)
    for channel in ChatChannel:
        shop.plan(campaign_id, channel=channel)
        shop.plan(campaign_id, PushEdge.LAST_CALL, channel)
    shop.ring()
    shop.tasks.confirm("msg1")
    shop.member_template(NoticeKind.CARDS_READY)
    order_id = shop.bought()
    shop.grant(shop.order(order_id).member_id)
    shop.pass_time(3 * MINUTE)
    shop.refund(order_id)
    for _ in range(3):
        shop.wechat.finish_refunds()
        shop.sweep("refund")
        shop.pass_time(MINUTE)
    shop.subscribe.trouble.is_out = True
    other = shop.bought()
    shop.grant(shop.order(other).member_id)
    shop.ring()


@pytest.fixture(scope="module")
def lively(owner_url: str) -> Iterator[OutreachBench]:
    """Return a database in which people were told things, and some are being told."""
    with owning(owner_url) as begin:
        shop = OutreachBench(begin, NOON)
        live(shop)
        yield shop


class TestOutreachInvariants:
    """OUTREACH_INVARIANTS."""

    def test_find_nothing_where_all_is_well(self, lively: OutreachBench) -> None:
        """Pushes, grants and deliveries stand in several ways."""
        assert violated(lively) == set()
        for table, most in (("pushes", 3), ("subscribe_grants", 2), ("deliveries", 2)):
            with lively.begin() as session:
                found = set(session.scalars(text(f"SELECT DISTINCT status FROM {table}")))
            assert len(found) == most, (table, found)

    @pytest.mark.parametrize(
        ("name", "sql"),
        [(name, sql) for name, sqls in PLANTED.items() for sql in sqls],
        ids=[f"{name}-{index}" for name, sqls in PLANTED.items() for index in range(len(sqls))],
    )
    def test_see_what_is_planted(self, lively: OutreachBench, name: str, sql: str) -> None:
        """Planted by the owner with every trigger off: no constraint stands in the way."""
        assert name in violated(lively, *RELAXED, sql)

    def test_each_has_something_planted(self) -> None:
        """An invariant that nothing was shown to break may be none."""
        assert {invariant.name for invariant in OUTREACH_INVARIANTS} == set(PLANTED)
