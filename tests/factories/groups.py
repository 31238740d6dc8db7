"""A shop that sells through groups: campaigns, seats, their sweeps, on the workbench."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from app.reactions import REACTIONS
from group_buy import jobs as group_jobs
from group_buy import joining, leaving, queries
from group_buy.joining import Buyer, Joined
from group_buy.models import Group, GroupStatus, Seat, SeatStatus
from group_buy.rules import Rung, TermsPlan
from group_buy.service import plan_group_buy, schedule_group_buy
from group_buy.sheets import jobs as sheet_jobs
from group_buy.sheets.models import OrderSheet, SheetStatus
from kit.money import Fen
from kit.outbox import OutboxEvent, relay
from kit.sweep import Swept
from shop.campaigns import jobs as campaign_jobs
from shop.campaigns import queries as campaigns
from shop.campaigns.models import Campaign, CampaignEdge
from shop.campaigns.rules import Window
from shop.campaigns.service import ItemPlan, Plan
from shop.catalog.models import SaleChannel
from shop.orders import jobs as order_jobs
from shop.orders.models import Order
from shop.orders.queries import UNFINISHED
from shop.payments.models import Refund, RefundStatus
from tests.factories.bench import SWEEPS, Bench

# Long ago: edges are stamped by the database's own clock, which must be later than the tests'.
LONG_AGO: Final = datetime(2024, 6, 18, 12, 0, tzinfo=UTC)
DEAL_FEN: Final = Fen(900)
LASTS: Final = timedelta(hours=2)
FEE_BASIS_POINTS: Final = 60
LADDER: Final = (Rung(2, Fen(900)), Rung(3, Fen(800)), Rung(4, Fen(700)))
GAPPED: Final = (*LADDER[:2], Rung(5, Fen(700)))  # the fourth seat reaches no rung


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A campaign to be put on, everything with a sensible default."""

    seats: int = 2
    units: int = 20
    ladder: Sequence[Rung] = ()
    starts_in: timedelta = timedelta(0)
    window: timedelta = timedelta(hours=6)
    warms_before: timedelta | None = None
    plan: dict[str, Any] = field(default_factory=dict)
    terms: dict[str, Any] = field(default_factory=dict)


@dataclass
class GroupBench(Bench):
    """A bench that also opens campaigns, fills groups and runs their sweeps."""

    def draft(self, offer: Offer = Offer(), *, sku_id: UUID | None = None) -> UUID:
        """Write a campaign of one SKU down and return its id."""
        sku_id = sku_id or self.sku(offer.units)
        starts_at = self.now + offer.starts_in
        warms_at = None if offer.warms_before is None else starts_at - offer.warms_before
        plan = {
            "name": "618 拼团",
            "window": Window(starts_at, starts_at + offer.window, warms_at),
            "items": [ItemPlan(sku_id, DEAL_FEN, offer.units)],
            "limit_per_member": 100,
        }
        terms = {"seats_required": offer.seats, "lasts": LASTS, "ladder": offer.ladder}
        with self.begin() as session:
            return plan_group_buy(
                session,
                Plan(**(plan | offer.plan)),
                TermsPlan(**(terms | offer.terms)),
                actor="op",
                now=self.now,
            ).id

    def publish(self, campaign_id: UUID) -> None:
        """Publish a draft."""
        with self.begin() as session:
            campaign = campaigns.lock_campaign(session, campaign_id)
            schedule_group_buy(
                session,
                campaign,
                fee_basis_points=FEE_BASIS_POINTS,
                actor="op",
                approved_by="boss",
                now=self.now,
            )

    def campaign(self, offer: Offer = Offer(), **more: Any) -> UUID:
        """Publish a campaign, open it when its time has come, and return its id."""
        campaign_id = self.draft(offer, **more)
        self.publish(campaign_id)
        self.sweep("turn")
        return campaign_id

    def open(
        self,
        campaign_id: UUID,
        member: UUID | None = None,
        *,
        sku_id: UUID | None = None,
        may_move: bool = False,
    ) -> Joined:
        """Open a group as a member does, a new one unless given."""
        buyer = self._buyer(member, may_move=may_move)
        with self.begin() as session:
            return joining.open_group(session, campaign_id, buyer, sku_id=sku_id, now=self.now)

    def join(self, group_id: UUID, member: UUID | None = None, *, may_move: bool = False) -> Joined:
        """Join a group as a member does, a new one unless given."""
        buyer = self._buyer(member, may_move=may_move)
        with self.begin() as session:
            return joining.join_group(session, group_id, buyer, now=self.now)

    def pay(self, joined: Joined, *, is_told: bool = True, relays: bool = True) -> str:
        """Pay for a seat at the platform; return the trade's number."""
        number = self.start_payment(joined.order.id).out_trade_no
        self.wechat.pay(number)
        if is_told:
            self.notify(number)
        if relays:
            self.relay()
        return number

    def opened(self, campaign_id: UUID, *, paid: int = 1, **more: Any) -> Joined:
        """Open a group, and have so many seats paid, the first by who opens it."""
        first = self.open(campaign_id, **more)
        for seat in [first, *(self.join(first.group.id) for _ in range(paid - 1))][:paid]:
            self.pay(seat)
        return first

    def leave(self, group_id: UUID, member_id: UUID) -> None:
        """Leave as a member does."""
        with self.begin() as session:
            leaving.leave_group(session, group_id, member_id=member_id, now=self.now)

    def relay(self) -> None:
        """Bring every waiting event to its handlers."""
        while self.relay_once():
            pass

    def relay_once(self) -> int:
        """Bring the events that wait to their handlers; what others are at is left to them."""
        return relay(self.begin, REACTIONS, now=self.now)

    def sweep(self, *only: str) -> None:
        """Run every sweep once, or only those named."""
        for name in only or (*SWEEPS, *GROUP_SWEEPS):
            if name in GROUP_SWEEPS:
                self.failed += GROUP_SWEEPS[name](self, self.now).failed
            else:
                super().sweep(name)

    def is_waiting(self) -> bool:
        """Say whether any row waits for a sweep, or an event for its handlers."""
        with self.begin() as session:
            events = select(OutboxEvent.id).where(OutboxEvent.done_at.is_(None)).limit(1)
            groups = select(Group.id).where(Group.due_at.is_not(None)).limit(1)
            sheets = select(OrderSheet.id).where(OrderSheet.due_at.is_not(None)).limit(1)
            if any(session.scalar(query) for query in (events, groups, sheets)):
                return True
        return super().is_waiting()

    def finish(self) -> None:
        """Let hours go by, until every group is decided and every order has come to its end."""
        self.now += LASTS
        self.recover()

    def group(self, group_id: UUID) -> Group:
        """Return the group as it stands."""
        with self.begin() as session:
            return queries.get_group(session, group_id)

    def seats(self, group_id: UUID) -> list[Seat]:
        """Return every seat that the group has had, oldest first."""
        with self.begin() as session:
            return list(queries.list_seats(session, group_id, statuses=tuple(SeatStatus)))

    def seat(self, order_id: UUID) -> Seat:
        """Return the latest seat of an order."""
        with self.begin() as session:
            seat = queries.find_seat_of_order(session, order_id)
        assert seat is not None
        return seat

    def campaign_row(self, campaign_id: UUID) -> Campaign:
        """Return the campaign as it stands."""
        with self.begin() as session:
            return session.get_one(Campaign, campaign_id)

    def edges(self, campaign_id: UUID) -> list[CampaignEdge]:
        """Return the edges that a campaign has passed, in order."""
        with self.begin() as session:
            return list(campaigns.list_edges(session, campaign_id))

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return what events of a name tell, oldest first."""
        with self.begin() as session:
            told = select(OutboxEvent.payload).where(OutboxEvent.name == name)
            return list(session.scalars(told.order_by(OutboxEvent.id)))

    def ends(self) -> list[str]:
        """Return what has become of groups, seats and money: a word for each."""
        words: list[str] = []
        with self.begin() as session:
            for column in (Group.status, Seat.status, Refund.reason):
                words += [str(word) for word in session.scalars(select(column))]
        return words

    def loose_ends(self) -> list[str]:
        """Return what is not at its end: groups, seats, sheets, orders no person has."""
        stuck = select(Refund.order_id).where(Refund.status == RefundStatus.STUCK)
        with self.begin() as session:
            return [
                f"{row.__class__.__name__} {row.id}"
                for query in (
                    select(Group).where(Group.status == GroupStatus.OPEN),
                    select(Seat).where(Seat.status == SeatStatus.HELD),
                    select(OrderSheet).where(OrderSheet.status == SheetStatus.OPEN),
                    select(Order).where(Order.status.in_(UNFINISHED), Order.id.not_in(stuck)),
                )
                for row in session.scalars(query)
            ]

    def _buyer(self, member: UUID | None, *, may_move: bool) -> Buyer:
        return Buyer(
            member_id=member or self.member(), sale_channel=SaleChannel.H5, may_move=may_move
        )


GROUP_SWEEPS: Final[dict[str, Callable[[GroupBench, datetime], Swept]]] = {
    "turn": lambda bench, now: campaign_jobs.turn_due_campaigns(bench.begin, now=now),
    "slots": lambda bench, now: campaign_jobs.fill_due_slots(
        bench.begin, fee_basis_points=FEE_BASIS_POINTS, now=now
    ),
    "decide": lambda bench, now: group_jobs.decide_due_groups(bench.begin, now=now),
    "sheets": lambda bench, now: sheet_jobs.decide_due_sheets(bench.begin, now=now),
    "settle": lambda bench, now: order_jobs.settle_due_campaigns(bench.begin, now=now),
}
