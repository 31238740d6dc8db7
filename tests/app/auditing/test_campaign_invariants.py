"""Every invariant of campaigns and groups sees what is planted to break it, and nothing else."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.auditing.campaign_invariants import CAMPAIGN_INVARIANTS
from group_buy import completing
from shop.campaigns import stops
from tests.app.auditing.test_invariants import violated
from tests.factories.groups import LADDER, LASTS, LONG_AGO, GroupBench, Offer
from tests.factories.owning import owning

GROUP = "(SELECT id FROM groups WHERE status = '{}' AND house_seats = 0 ORDER BY id LIMIT 1)"
OPEN, FORMED, FAILED = (GROUP.format(status) for status in ("open", "formed", "failed"))
PAID_SEAT = f"(SELECT id FROM seats WHERE status = 'paid' AND group_id = {FORMED} LIMIT 1)"
ITS_ORDER = f"(SELECT order_id FROM seats WHERE id = {PAID_SEAT})"
RETURNED = "(SELECT order_id FROM seats WHERE status = 'returned' LIMIT 1)"
CAMPAIGN = "(SELECT id FROM campaigns WHERE status = '{}' ORDER BY id LIMIT 1)"
LIVE, SETTLED = CAMPAIGN.format("live"), CAMPAIGN.format("settled")

PLANTED: dict[str, list[str]] = {
    "I18.allotments_are_kept": ["UPDATE campaign_items SET allotment = 1"],
    "I18.nothing_is_set_aside_for_nobody": [
        (
            "UPDATE cards SET allotted_to = (SELECT id FROM campaign_items WHERE campaign_id ="
            f" {SETTLED}) WHERE id = (SELECT id FROM cards WHERE status = 'free' LIMIT 1)"
        ),
    ],
    "I16.campaigns_come_to_an_end": [
        "UPDATE campaigns SET due_at = NULL WHERE status <> 'settled'",
        (
            "UPDATE campaigns SET due_at = NULL, status = 'ended', needs_release = true,"
            " ends_at = ends_at - interval '2 days'"
        ),
    ],
    "I25.seats_fit": [
        f"UPDATE groups SET seats_paid = seats_paid + 1 WHERE id = {OPEN}",
        f"UPDATE seats SET seat_no = 1 WHERE group_id = {FORMED}",
        f"UPDATE groups SET seats_max = 1 WHERE id = {FORMED}",
        f"UPDATE seats SET status = 'held' WHERE id = {PAID_SEAT}",
    ],
    "I26.formed_means_filled": [
        f"UPDATE groups SET seats_required = seats_required + 1 WHERE id = {FORMED}",
        f"UPDATE groups SET status = 'open' WHERE id = {FORMED}",
        "DELETE FROM house_completions",
        "UPDATE house_completions SET approved_by = NULL",
    ],
    "I26.paid_in_time": [
        f"UPDATE groups SET ends_at = opened_at WHERE id = {FORMED}",
        (
            "UPDATE payments SET captured_at = (SELECT ends_at FROM groups WHERE id ="
            f" {FORMED}) WHERE order_id = {ITS_ORDER}"
        ),
    ],
    "I27.failed_means_repaid": [
        f"DELETE FROM refunds WHERE order_id = {RETURNED}",
        f"UPDATE refunds SET amount_fen = amount_fen - 1 WHERE order_id = {RETURNED}",
        f"UPDATE refunds SET reason = 'late' WHERE order_id = {RETURNED}",
        f"UPDATE orders SET fulfilled_at = paid_at WHERE id = {RETURNED}",
        f"UPDATE orders SET status = 'paid' WHERE id = {RETURNED}",
    ],
    "I27.formed_means_kept": [
        f"UPDATE orders SET is_held = true WHERE id = {ITS_ORDER}",
        f"UPDATE refunds SET order_id = {ITS_ORDER} WHERE reason = 'group_failed'",
        f"UPDATE refunds SET order_id = {ITS_ORDER} WHERE reason = 'left'",
    ],
    "I27.no_orphan_payment": [
        f"DELETE FROM seats WHERE group_id = {OPEN} AND status = 'paid'",
        f"UPDATE seats SET status = 'lapsed' WHERE group_id = {OPEN} AND status = 'paid'",
        f"UPDATE groups SET status = 'failed' WHERE id = {OPEN}",
    ],
    "I27.nobody_pays_more": [
        "UPDATE order_lines SET dropped_fen = 0",
        "UPDATE groups SET price_fen = price_fen - 1 WHERE status = 'formed'",
    ],
    "I13.steps_of_groups_lead_here": [
        f"UPDATE groups SET status = 'open' WHERE id = {FAILED}",
        "UPDATE seats SET status = 'left' WHERE status = 'returned'",
        f"UPDATE campaigns SET status = 'paused' WHERE id = {LIVE}",
        "DELETE FROM status_changes WHERE kind = 'group'",
    ],
    "I16.groups_come_to_an_end": [
        f"UPDATE groups SET due_at = NULL WHERE id = {OPEN}",
        f"DELETE FROM seats WHERE group_id = {OPEN}",
    ],
    "I28.edges_once_and_in_order": [
        "DELETE FROM campaign_edges WHERE edge = 'open'",
        "DELETE FROM campaign_edges WHERE edge = 'end'",
        "DELETE FROM campaign_edges WHERE edge = 'settle'",
        f"INSERT INTO campaign_edges (campaign_id, edge, due_at) VALUES ({LIVE}, 'end', now())",
        f"INSERT INTO campaign_edges (campaign_id, edge, due_at) VALUES ({LIVE}, 'settle', now())",
        "UPDATE campaign_edges SET passed_at = due_at - interval '1 second'",
        "UPDATE campaign_edges SET passed_at = passed_at + interval '9 days' WHERE edge = 'open'",
    ],
    "I28.stopped_means_stopped": [
        "UPDATE campaign_stops SET is_lifted = false",
    ],
    "I28.orders_in_the_window": [
        f"UPDATE campaigns SET starts_at = ends_at WHERE id = {LIVE}",
        f"UPDATE campaigns SET ends_at = starts_at WHERE id = {SETTLED}",
        "UPDATE orders SET placed_at = placed_at + interval '9 days'",
    ],
}
# What the database itself would refuse; the auditor must see it all the same.
RELAXED = (
    "DROP INDEX uq_seats_taken",
    *(
        f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_{name}"
        for table, name in (
            ("groups", "formed_when"),
            ("groups", "failed_when"),
            ("house_completions", "approved_whole"),
            ("campaigns", "window_sane"),
            ("campaigns", "warms_before"),
            ("campaigns", "paused_why"),
            ("campaign_stops", "lifted_whole"),
        )
    ),
)


def live(shop: GroupBench) -> None:
    """Let everything happen that may happen to a group."""
    over = shop.campaign(Offer(units=6, window=timedelta(minutes=10)))
    shop.opened(over, paid=2)
    shop.opened(over)
    campaign_id = shop.campaign(Offer(seats=2, window=timedelta(days=2)))
    ladder = shop.opened(shop.campaign(Offer(ladder=LADDER, window=timedelta(days=2))), paid=3)
    assert shop.group(ladder.group.id).price_fen == 800
    lapsing = shop.open(campaign_id)
    left = shop.opened(campaign_id)
    shop.leave(left.group.id, left.seat.member_id)
    house = shop.opened(campaign_id)
    with shop.begin() as session:
        completing.ask_for_completion(session, house.group.id, why="x", actor="lily", now=shop.now)
        completing.approve_completion(session, house.group.id, actor="tom", now=shop.now)
        stops.stop_all(session, why="x", actor="op", now=shop.now)
        stops.lift_stop(session, actor="op", now=shop.now)
    shop.now += LASTS
    shop.recover()
    shop.sweep("turn", "settle")
    assert shop.order(lapsing.order.id).status.value == "closed"
    shop.opened(campaign_id, paid=2)
    shop.join(shop.opened(shop.campaign(Offer(seats=4))).group.id)
    shop.sweep("fulfil", "refund")
    shop.now += timedelta(minutes=5)


@pytest.fixture(scope="module")
def lively(owner_url: str) -> Iterator[GroupBench]:
    """Return a database in which everything has happened to groups, in its owner's hands."""
    with owning(owner_url) as begin:
        shop = GroupBench(begin, LONG_AGO)
        live(shop)
        yield shop


class TestCampaignInvariants:
    """CAMPAIGN_INVARIANTS: SQL that reads tables and trusts no function of the rooms."""

    def test_find_nothing_where_all_is_well(self, lively: GroupBench) -> None:
        """Every status of a group and of a seat is there."""
        assert violated(lively) == set()
        with lively.begin() as session:
            groups = set(session.scalars(text("SELECT DISTINCT status FROM groups")))
            seats = set(session.scalars(text("SELECT DISTINCT status FROM seats")))
            campaigns = set(session.scalars(text("SELECT DISTINCT status FROM campaigns")))
        assert groups == {"open", "formed", "failed"}
        assert seats == {"held", "paid", "lapsed", "left", "returned"}
        assert campaigns >= {"live", "settled"}

    @pytest.mark.parametrize(
        ("name", "sql"),
        [(name, sql) for name, sqls in PLANTED.items() for sql in sqls],
        ids=[f"{name}-{index}" for name, sqls in PLANTED.items() for index in range(len(sqls))],
    )
    def test_see_what_is_planted(self, lively: GroupBench, name: str, sql: str) -> None:
        """Planted by the owner with every trigger off: no constraint stands in the way."""
        assert name in violated(lively, *RELAXED, sql)

    def test_each_has_something_planted(self) -> None:
        """An invariant that nothing was shown to break may be none."""
        assert {invariant.name for invariant in CAMPAIGN_INVARIANTS} == set(PLANTED)
