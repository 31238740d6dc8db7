"""Groups that fail together: transitions, and a refund for every paid seat, by one scheduler."""

from collections.abc import Iterable
from datetime import timedelta
from time import perf_counter
from typing import Final
from uuid import UUID

from sqlalchemy import func, insert, select

from benchmarks.frame import Benchmark, Plan, load_average
from benchmarks.ground import Site, ground
from benchmarks.group_seeding import PAID_SEATS, seed_groups
from benchmarks.people import PRICE_FEN, make_stock
from benchmarks.report import Figure, alone, compared
from group_buy.jobs import decide_due_groups
from group_buy.models import Group, GroupStatus, GroupTerms, Seat, SeatStatus
from kit.ids import new_id
from shop.campaigns.models import Audience, Campaign, CampaignItem, CampaignKind, CampaignStatus
from shop.orders.models import Order, OrderStatus
from shop.payments.models import Refund
from shop.ports import Ports

SECONDS: Final = "group_buy.expire_10000"
LINEAR: Final = "group_buy.expire_linear"
GROUPS: Final = 10_000
NOTE: Final = (
    "{groups:,} groups that are over, each with {seats} paid seats of {required}: one sweep in one"
    " process, durable commits, until every group failed and every paid seat has its one refund"
    " row; load average {load:.1f}"
)


def run(plan: Plan) -> Iterable[Figure]:
    """Let half as many and all expire, in turn, each time in a database of its own."""
    most = plan.size(GROUPS, quick=200)
    took: dict[int, list[float]] = {most // 2: [], most: []}
    load = load_average()
    with ground() as site:
        for number in range(plan.size(3, quick=1)):
            sizes = list(took) if number % 2 else list(reversed(took))
            for groups in sizes:
                took[groups].append(_expire(site, f"expire_{number}_{groups}", groups))
    note = NOTE.format(groups=most, seats=PAID_SEATS, required=PAID_SEATS + 1, load=load)
    yield alone(SECONDS, took[most], unit="s", below=60, note=note)
    per_group = {groups: [each / groups * 1000 for each in rows] for groups, rows in took.items()}
    yield compared(
        LINEAR,
        per_group[most],
        per_group[most // 2],
        unit="ms/group",
        note=f"{note}; against: half as many",
        at_most=1.2,
    )


def _expire(site: Site, name: str, groups: int) -> float:
    """Return the seconds of the sweep."""
    ports = site.ports(database_url=site.new_database(name))
    campaign = _campaign(ports)
    with site.postgres.connect(name) as owner:
        app_id = site.settings().wechat.app_id
        seed_groups(ports, owner, campaign=campaign, groups=groups, app_id=app_id)
    started = perf_counter()
    done = decide_due_groups(ports.begin, now=ports.clock())
    took = perf_counter() - started
    counted = _count(ports)
    if (done.done, done.failed, counted) != (groups, 0, (groups, *[groups * PAID_SEATS] * 3)):
        raise AssertionError(f"{groups} groups: {done}, {counted}")
    return took


def _count(ports: Ports) -> tuple[int, ...]:
    """Count failed groups, returned seats, orders on their way back, and refunds of one payment."""
    counts = (
        select(func.count()).where(Group.status == GroupStatus.FAILED),
        select(func.count()).where(Seat.status == SeatStatus.RETURNED),
        select(func.count()).where(Order.status == OrderStatus.REFUNDING),
        select(func.count(func.distinct(Refund.payment_id))).having(
            func.count() == func.count(func.distinct(Refund.payment_id))
        ),
    )
    with ports.begin() as session:
        return tuple(session.scalar(count) or 0 for count in counts)


def _campaign(ports: Ports) -> tuple[UUID, UUID]:
    """Write a campaign down that is over; return its id and its item's."""
    campaign_id, item_id, now = new_id(), new_id(), ports.clock()
    sku = make_stock(ports, 0)
    with ports.begin() as session:
        campaign = {
            "id": campaign_id,
            "kind": CampaignKind.GROUP_BUY,
            "status": CampaignStatus.ENDED,
            "name": "bench",
            "audience": Audience.ALL,
            "limit_per_member": 100,
            "pay_within_seconds": 900,
            "trails_seconds": 3600,
            "starts_at": now - timedelta(hours=2),
            "ends_at": now - timedelta(minutes=1),
            "created_by": "bench",
            "created_at": now,
        }
        session.execute(insert(Campaign), [campaign])
        item = {"id": item_id, "campaign_id": campaign_id, "sku_id": sku.id, "position": 0}
        session.execute(
            insert(CampaignItem), [item | {"deal_price_fen": PRICE_FEN, "allotment": 1}]
        )
        session.add(
            GroupTerms(
                campaign_id=campaign_id,
                seats_required=PAID_SEATS + 1,
                seats_max=PAID_SEATS + 1,
                ladder={"rungs": []},
                lasts_seconds=3600,
                new_members_only=False,
                groups_per_member=100,
                seats_per_member=1,
            )
        )
    return campaign_id, item_id


BENCHMARK: Final = Benchmark((SECONDS, LINEAR), run)
