"""A shop that sells in a flash: campaigns, claims, the waitlist, their sweeps, on the workbench."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import func, select

from app.reactions import REACTIONS
from flash_sale import batch, committing, jobs, queries, reminding, waiting
from flash_sale.batch import Claimed, Outcome, Wanted
from flash_sale.models import Claim, ClaimStatus, Wait
from flash_sale.rules import TermsPlan
from flash_sale.service import plan_flash_sale, schedule_flash_sale
from kit.money import Fen
from kit.outbox import OutboxEvent, relay
from kit.sweep import Swept
from shop.campaigns import jobs as campaign_jobs
from shop.campaigns import queries as campaigns
from shop.campaigns.models import Campaign
from shop.campaigns.rules import Window
from shop.campaigns.service import ItemPlan, Plan
from shop.cards.models import Card, CardStatus
from shop.catalog.models import SaleChannel
from shop.orders import jobs as order_jobs
from shop.orders.models import Order
from shop.orders.queries import UNFINISHED
from shop.payments.models import Refund, RefundStatus
from tests.factories.bench import SWEEPS, Bench

# Long ago: edges are stamped by the database's own clock, which must be later than the tests'.
LONG_AGO: Final = datetime(2024, 6, 18, 12, 0, tzinfo=UTC)
DEAL_FEN: Final = Fen(900)
WINDOW: Final = timedelta(hours=2)
OFFER: Final = timedelta(minutes=5)
PAY_WITHIN: Final = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class Deal:
    """A campaign to be put on, everything with a sensible default."""

    units: int = 3
    limit: int = 1
    starts_in: timedelta = timedelta(0)
    window: timedelta = WINDOW
    plan: dict[str, Any] = field(default_factory=dict)
    terms: dict[str, Any] = field(default_factory=dict)
    sku: dict[str, Any] = field(default_factory=dict)


@dataclass
class SaleBench(Bench):
    """A bench that also opens flash sales and runs their sweeps."""

    def draft(self, deal: Deal = Deal()) -> UUID:
        """Write a campaign of one SKU down and return its id."""
        starts_at = self.now + deal.starts_in
        plan = {
            "name": "限时秒杀",
            "window": Window(starts_at, starts_at + deal.window),
            "items": [ItemPlan(self.sku(deal.units, **deal.sku), DEAL_FEN, deal.units)],
            "limit_per_member": deal.limit,
            "pay_within_seconds": int(PAY_WITHIN.total_seconds()),
        }
        terms = {"offer": OFFER}
        with self.begin() as session:
            return plan_flash_sale(
                session,
                Plan(**(plan | deal.plan)),
                TermsPlan(**(terms | deal.terms)),
                actor="op",
                now=self.now,
            ).id

    def sale(self, deal: Deal = Deal()) -> UUID:
        """Publish a flash sale, open it when its time has come, and return its id."""
        campaign_id = self.draft(deal)
        with self.begin() as session:
            campaign = campaigns.lock_campaign(session, campaign_id)
            schedule_flash_sale(
                session,
                campaign,
                fee_basis_points=60,
                actor="op",
                approved_by="boss",
                now=self.now,
            )
        self.sweep("turn")
        return campaign_id

    def wanted(self, member: UUID | None = None, **more: Any) -> Wanted:
        """Return a claim of a new member unless given, under a key of its own."""
        claim: dict[str, Any] = {"key": uuid4().hex, "quantity": 1, "sale_channel": SaleChannel.H5}
        return Wanted(member or self.member(), **(claim | more))

    def commit(self, campaign_id: UUID, *wanted: Wanted) -> list[Outcome]:
        """Commit claims together."""
        with self.begin() as session:
            return batch.commit_claims(session, campaign_id, wanted, now=self.now)

    def claim(self, campaign_id: UUID, member: UUID | None = None, **more: Any) -> Outcome:
        """Claim as one member does, a new one unless given."""
        return self.commit(campaign_id, self.wanted(member, **more))[0]

    def claimed(self, campaign_id: UUID, member: UUID | None = None, **more: Any) -> Claimed:
        """Claim with success."""
        outcome = self.claim(campaign_id, member, **more)
        assert isinstance(outcome, Claimed), outcome
        return outcome

    def pay(self, order_id: UUID) -> str:
        """Pay for an order at the platform; return the trade's number."""
        number = self.start_payment(order_id).out_trade_no
        self.wechat.pay(number)
        self.notify(number)
        self.relay()
        return number

    def lapse(self, order_id: UUID) -> None:
        """Let the time for paying go by, as everybody else's does who has not paid."""
        self.now = max(self.now, self.order(order_id).pay_by)
        self.sweep("close")
        self.relay()

    def take(self, wait: Wait, *, campaign_id: UUID | None = None, **more: Any) -> Claimed:
        """Claim what a wait was offered, as its member does; raises why it cannot be."""
        return committing.commit_offer(
            self.begin,
            campaign_id or wait.campaign_id,
            wait.id,
            self.wanted(wait.member_id, **more),
            clock=lambda: self.now,
        )

    def offered(self, *, limit: int = 1) -> Wait:
        """Have somebody wait for the one unit of a sale, and be offered it."""
        campaign_id, (claimed,) = self.sold_out(Deal(units=1, limit=limit))
        wait = self.wait(campaign_id)
        self.lapse(claimed.order_id)
        return self.wait_of(wait)

    def remind(self, campaign_id: UUID, member: UUID) -> datetime:
        """Ask to be told before the sale opens; return when."""
        with self.begin() as session:
            return reminding.remind(session, campaign_id, member_id=member, now=self.now)

    def leave(self, wait: Wait) -> None:
        """Give a place or an offer up."""
        with self.begin() as session:
            waiting.leave(session, wait.campaign_id, member_id=wait.member_id, now=self.now)

    def wait(self, campaign_id: UUID, member: UUID | None = None) -> Wait:
        """Join the waitlist."""
        with self.begin() as session:
            return waiting.join(
                session, campaign_id, member_id=member or self.member(), now=self.now
            )

    def waits(self, campaign_id: UUID) -> list[Wait]:
        """Return everybody who waited, oldest first."""
        with self.begin() as session:
            rows = select(Wait).where(Wait.campaign_id == campaign_id).order_by(Wait.place)
            return list(session.scalars(rows))

    def wait_of(self, wait: Wait) -> Wait:
        """Return a wait as it stands."""
        with self.begin() as session:
            return session.get_one(Wait, wait.id)

    def sold_out(self, deal: Deal = Deal(units=1)) -> tuple[UUID, list[Claimed]]:
        """Open a sale all units of which are claimed, each by a new member; nobody has paid."""
        campaign_id = self.sale(deal)
        return campaign_id, [self.claimed(campaign_id) for _ in range(deal.units)]

    def claims(self, campaign_id: UUID) -> list[Claim]:
        """Return every unit that was claimed, oldest first."""
        with self.begin() as session:
            rows = select(Claim).where(Claim.campaign_id == campaign_id).order_by(Claim.id)
            return list(session.scalars(rows))

    def loose_ends(self) -> list[str]:
        """Return what is not at its end: held units, waits, orders whose refund no person has."""
        stuck = select(Refund.order_id).where(Refund.status == RefundStatus.STUCK)
        with self.begin() as session:
            return [
                f"{row.__class__.__name__} {row.id} {row.status}"
                for query in (
                    select(Claim).where(Claim.status == ClaimStatus.HELD),
                    select(Wait).where(Wait.status.in_(queries.IN_QUEUE)),
                    select(Order).where(Order.status.in_(UNFINISHED), Order.id.not_in(stuck)),
                )
                for row in session.scalars(query)
            ]

    def free_units(self, campaign_id: UUID) -> int:
        """Count the units that anybody may claim."""
        with self.begin() as session:
            terms = queries.get_terms(session, campaign_id)
            counted = (
                select(func.count())
                .select_from(Card)
                .where(Card.allotted_to == terms.item_id, Card.status == CardStatus.FREE)
            )
            return session.scalar(counted) or 0

    def campaign_row(self, campaign_id: UUID) -> Campaign:
        """Return the campaign as it stands."""
        with self.begin() as session:
            return session.get_one(Campaign, campaign_id)

    def events(self, name: str) -> Sequence[dict[str, Any]]:
        """Return what events of a name tell, oldest first."""
        with self.begin() as session:
            told = select(OutboxEvent.payload).where(OutboxEvent.name == name)
            return session.scalars(told.order_by(OutboxEvent.id)).all()

    def relay(self) -> None:
        """Bring every waiting event to its handlers."""
        while relay(self.begin, REACTIONS, now=self.now):
            pass

    def sweep(self, *only: str) -> None:
        """Run every sweep once, or only those named."""
        for name in only or (*SWEEPS, *SALE_SWEEPS):
            if name in SALE_SWEEPS:
                self.failed += SALE_SWEEPS[name](self, self.now).failed
            else:
                super().sweep(name)


SALE_SWEEPS: Final[dict[str, Callable[[SaleBench, datetime], Swept]]] = {
    "turn": lambda bench, now: campaign_jobs.turn_due_campaigns(bench.begin, now=now),
    "lapse": lambda bench, now: jobs.lapse_due_offers(bench.begin, now=now),
    "offer": lambda bench, now: jobs.offer_due_units(bench.begin, now=now),
    "remind": lambda bench, now: jobs.remind_due_members(bench.begin, now=now),
    "settle": lambda bench, now: order_jobs.settle_due_campaigns(bench.begin, now=now),
}
