"""Reading flash sales: the sale as it is claimed from, claims, who waits, what is due."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, bindparam, func, select
from sqlalchemy.orm import Session

from flash_sale.models import (
    Claim,
    ClaimStatus,
    Draw,
    FlashTerms,
    Reminder,
    SaleMode,
    Wait,
    WaitStatus,
)
from kit.errors import NotFound
from kit.rows import among
from shop.campaigns.models import Campaign, CampaignItem, CampaignKind, CampaignStatus
from shop.campaigns.queries import SHOWN, CampaignNotFound
from shop.cards import allotments
from shop.catalog.models import Product, Sku
from shop.payments.models import Payment

TAKEN = (ClaimStatus.HELD, ClaimStatus.PAID)
IN_QUEUE = (WaitStatus.WAITING, WaitStatus.OFFERED)


class NotWaiting(NotFound):
    """The member does not wait for a unit of the campaign."""

    code = "flash_sale.not_waiting"
    title = "You are not on the waitlist"
    message = "您不在候补名单中"


class NotDrawn(NotFound):
    """The campaign is no lottery, or its draw has not been made."""

    code = "flash_sale.not_drawn"
    title = "There is no draw yet"
    message = "尚未抽签"


@dataclass(frozen=True, slots=True)
class Sale:
    """A flash sale with everything that a claim needs to know."""

    campaign: Campaign
    terms: FlashTerms
    item: CampaignItem
    sku: Sku
    product: Product


def get_terms(session: Session, campaign_id: UUID) -> FlashTerms:
    """Return the terms; raises `CampaignNotFound` when it is no flash sale."""
    terms = session.get(FlashTerms, campaign_id)
    if terms is None:
        raise CampaignNotFound
    return terms


def get_sale(session: Session, campaign_id: UUID) -> Sale:
    """Return a published flash sale, fresh; raises `CampaignNotFound`."""
    row = session.execute(
        _SALES.where(Campaign.id == campaign_id).execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise CampaignNotFound
    return Sale(*row)


def get_status(session: Session, campaign_id: UUID) -> CampaignStatus:
    """Return how the campaign stands now, whatever was read before."""
    return session.execute(select(Campaign.status).where(Campaign.id == campaign_id)).scalar_one()


def list_near(session: Session, *, until: datetime) -> Sequence[Sale]:
    """Return the flash sales that are open, paused, or open before `until`."""
    rows = session.execute(
        _SALES.where(
            Campaign.status.in_(
                (
                    CampaignStatus.SCHEDULED,
                    CampaignStatus.WARMING,
                    CampaignStatus.LIVE,
                    CampaignStatus.PAUSED,
                )
            ),
            FlashTerms.mode == SaleMode.RUSH,
            Campaign.starts_at <= until + _EARLIER,
        )
    )
    return [Sale(*row) for row in rows]


def list_units(
    session: Session, campaign_id: UUID, member_ids: Collection[UUID]
) -> dict[UUID, set[int]]:
    """Return member → the numbers of their units that are held or paid."""
    rows = session.execute(_UNITS, {"campaign_id": campaign_id, "member_ids": list(member_ids)})
    found: dict[UUID, set[int]] = defaultdict(set)
    for member_id, unit_no in rows:
        found[member_id].add(unit_no)
    return found


def every_claim(campaign_id: UUID) -> list[ColumnElement[bool]]:
    """Return the conditions of all its claims: taken or ended, each half by an index of its own."""
    return [Claim.campaign_id == campaign_id, Claim.status.in_(TAKEN) | Claim.ended_at.is_not(None)]


def count_held_by_member(session: Session, campaign_id: UUID) -> Mapping[UUID, int]:
    """Return member → units held or paid, 0 for those who once claimed and hold nothing now."""
    rows = session.execute(
        select(Claim.member_id, func.count().filter(Claim.status.in_(TAKEN)))
        .where(*every_claim(campaign_id))
        .group_by(Claim.member_id)
    )
    return {member_id: int(count) for member_id, count in rows}


def count_held_of_changed(
    session: Session, campaign_id: UUID, *, claimed_since: datetime, ended_since: datetime
) -> Mapping[UUID, int]:
    """Return member → units held or paid, for those who claimed, or whose units ended, since."""
    is_changed = (Claim.claimed_at >= claimed_since) | (Claim.ended_at >= ended_since)
    changed = session.scalars(
        select(Claim.member_id).where(Claim.campaign_id == campaign_id, is_changed).distinct()
    ).all()
    units = list_units(session, campaign_id, changed)
    return {member_id: len(units.get(member_id, ())) for member_id in changed}


def count_claimed_before(session: Session, campaign_id: UUID, at: datetime) -> int:
    """Count the units held or paid that were claimed before `at`."""
    counted = (
        select(func.count())
        .select_from(Claim)
        .where(Claim.campaign_id == campaign_id, Claim.status.in_(TAKEN), Claim.claimed_at < at)
    )
    return session.scalar(counted) or 0


def list_claims_of_order(session: Session, order_id: UUID) -> Sequence[Claim]:
    """Return the claims of an order, locked and fresh, by unit; none when it is another's."""
    return session.scalars(
        select(Claim)
        .where(Claim.order_id == order_id)
        .order_by(Claim.unit_no)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def find_same_payer(session: Session, claim: Claim) -> UUID | None:
    """Return another member whose units of the campaign this claim's payer paid for, or None."""
    ours = (
        select(Payment.payer_hash)
        .where(Payment.order_id == claim.order_id, Payment.payer_hash.is_not(None))
        .limit(1)
        .scalar_subquery()
    )
    return session.scalars(
        select(Claim.member_id)
        .join(Payment, Payment.order_id == Claim.order_id)
        .where(
            Payment.payer_hash == ours,
            Claim.campaign_id == claim.campaign_id,
            Claim.member_id != claim.member_id,
        )
        .limit(1)
    ).one_or_none()


def find_wait(session: Session, campaign_id: UUID, member_id: UUID) -> Wait | None:
    """Return how the member waits or waited last, or None."""
    return session.scalars(
        select(Wait)
        .where(Wait.campaign_id == campaign_id, Wait.member_id == member_id)
        .order_by(Wait.id.desc())
        .limit(1)
    ).one_or_none()


def count_ahead(session: Session, wait: Wait) -> int:
    """Count those who are offered a unit before this one is."""
    ahead = (
        select(func.count())
        .select_from(Wait)
        .where(
            Wait.campaign_id == wait.campaign_id,
            Wait.status == WaitStatus.WAITING,
            (Wait.rank < wait.rank) | ((Wait.rank == wait.rank) & (Wait.place < wait.place)),
        )
    )
    return session.scalar(ahead) or 0


def count_waiting(session: Session, campaign_id: UUID) -> int:
    """Count those who wait and have no offer."""
    counted = (
        select(func.count())
        .select_from(Wait)
        .where(Wait.campaign_id == campaign_id, Wait.status == WaitStatus.WAITING)
    )
    return session.scalar(counted) or 0


def count_open_units(session: Session, sale: Sale, *, now: datetime) -> int:
    """Count the free units that nobody who waits will be offered first."""
    free = allotments.count_left(session, [sale.item.id], now=now).get(sale.item.id, 0)
    return max(free - count_waiting(session, sale.campaign.id), 0) if free else 0


def list_offers(session: Session, campaign_id: UUID) -> Mapping[UUID, UUID]:
    """Return member → the offer that is theirs at present."""
    rows = session.execute(
        select(Wait.member_id, Wait.id).where(
            Wait.campaign_id == campaign_id, Wait.status == WaitStatus.OFFERED
        )
    )
    return {row.member_id: row.id for row in rows}


def find_offer(session: Session, campaign_id: UUID, member_id: UUID) -> UUID | None:
    """Return the offer that is the member's at present, or None."""
    return session.scalars(
        select(Wait.id).where(
            Wait.campaign_id == campaign_id,
            Wait.member_id == member_id,
            Wait.status == WaitStatus.OFFERED,
        )
    ).one_or_none()


def list_entries(session: Session, campaign_id: UUID) -> Sequence[UUID]:
    """Return the entries that were drawn from, in the order in which they were made."""
    return session.scalars(
        select(Wait.id).where(Wait.campaign_id == campaign_id, Wait.rank > 0).order_by(Wait.id)
    ).all()


def get_draw(session: Session, campaign_id: UUID) -> Draw:
    """Return the draw; raises `NotDrawn`."""
    found = session.get(Draw, campaign_id)
    if found is None:
        raise NotDrawn
    return found


def queues() -> Select[UUID]:
    """Select the campaigns in which somebody waits and something may still be offered."""
    waits = select(Wait.id).where(
        Wait.campaign_id == Campaign.id, Wait.status == WaitStatus.WAITING
    )
    return (
        select(Campaign.id)
        .where(
            Campaign.status.in_((CampaignStatus.LIVE, CampaignStatus.ENDED)),
            Campaign.kind == CampaignKind.FLASH_SALE,
            waits.exists(),
        )
        .order_by(Campaign.id)
    )


def due_offers(now: datetime) -> Select[UUID]:
    """Select the ids of waits whose offer's time is over."""
    return select(Wait.id).where(Wait.due_at <= now).order_by(Wait.due_at)


def due_reminders(now: datetime) -> Select[UUID]:
    """Select the campaigns of which somebody is to be reminded."""
    return select(Reminder.campaign_id).where(Reminder.due_at <= now).distinct()


_EARLIER: Final = func.make_interval(0, 0, 0, 0, 0, 0, FlashTerms.early_seconds)
_SALES: Final = (
    select(Campaign, FlashTerms, CampaignItem, Sku, Product)
    .join(FlashTerms, FlashTerms.campaign_id == Campaign.id)
    .join(CampaignItem, CampaignItem.id == FlashTerms.item_id)
    .join(Sku, Sku.id == CampaignItem.sku_id)
    .join(Product, Product.id == Sku.product_id)
    .where(Campaign.status.in_(SHOWN))
)


_UNITS: Final = select(Claim.member_id, Claim.unit_no).where(
    Claim.campaign_id == bindparam("campaign_id"),
    among(Claim.member_id, "member_ids", Uuid()),
    Claim.status.in_(TAKEN),
)
