"""The waitlist (候补): joining, leaving, and offers of units that came back, one at a time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from flash_sale import queries
from flash_sale.events import OfferMade
from flash_sale.models import FlashTerms, SaleMode, Wait, WaitStatus
from flash_sale.queries import Sale
from flash_sale.rules import NoOffer, StillOnSale, offers_until, takes_waits
from kit.faultpoints import faultpoint
from kit.ids import new_id
from kit.lifecycle import move
from kit.outbox import emit
from kit.sweep import is_due, settle
from shop.campaigns.models import Audience, Campaign, CampaignStatus
from shop.campaigns.queries import lock_campaign
from shop.campaigns.rules import OVER, CampaignLimitReached, Ended, NotForYou, NotStarted
from shop.cards import allotments
from shop.cards.service import OutOfStock
from shop.members import queries as members
from shop.orders import queries as orders

MOST_OFFERS: Final = 200  # of one campaign in one transaction


def join(session: Session, campaign_id: UUID, *, member_id: UUID, now: datetime) -> Wait:
    """Let the member wait, or take part in the lottery; who does already stays at their place.

    Raises `CampaignNotFound`, `NotStarted`, `Ended`, `StillOnSale`, `NotForYou` or
    `CampaignLimitReached`.
    """
    sale = queries.get_sale(session, campaign_id)
    members.lock_member(session, member_id)
    earlier = queries.find_wait(session, campaign_id, member_id)
    if earlier is not None and earlier.status in queries.IN_QUEUE:
        return earlier
    _check_waits(session, sale, member_id, now=now)
    wait = Wait(
        id=new_id(),
        campaign_id=campaign_id,
        member_id=member_id,
        status=WaitStatus.WAITING,
        joined_at=now,
    )
    session.add(wait)
    session.flush()  # its place is counted next; who just ends the queue is waited for here
    if queries.get_status(session, campaign_id) in OVER:
        raise Ended  # who came while it was ended is in no draw, and nobody tells them
    return wait


def leave(session: Session, campaign_id: UUID, *, member_id: UUID, now: datetime) -> None:
    """Give the place, or the offer, up; raises `NotWaiting`."""
    found = queries.find_wait(session, campaign_id, member_id)
    wait = None if found is None else _lock(session, found.id)
    if wait is None or wait.status not in queries.IN_QUEUE:
        raise queries.NotWaiting
    _end(session, wait, WaitStatus.LEFT, actor="member", now=now)


def take_offer(
    session: Session, wait_id: UUID, *, campaign_id: UUID, member_id: UUID, now: datetime
) -> Wait:
    """Lock the member's offer while they claim what it is for; raises `NoOffer`.

    An offer of another campaign is none: it would open a door at which its member did not wait.
    """
    wait = _lock(session, wait_id)
    if wait is None or (wait.campaign_id, wait.member_id) != (campaign_id, member_id):
        raise NoOffer
    if wait.status is not WaitStatus.OFFERED:
        raise NoOffer
    if wait.offered_until is None or now >= wait.offered_until:
        raise NoOffer
    return wait


def finish_offer(session: Session, wait: Wait, *, now: datetime) -> None:
    """Let the offer's unit be claimed, in the transaction of the claim itself."""
    _end(session, wait, WaitStatus.TAKEN, actor="member", now=now)


def lapse_offer(session: Session, wait_id: UUID, *, now: datetime) -> None:
    """End an offer whose time is over; the next one in the queue is offered its card."""
    wait = _lock(session, wait_id)
    if wait is None or wait.status is not WaitStatus.OFFERED or not is_due(wait, now=now):
        return
    _end(session, wait, WaitStatus.LAPSED, actor="scheduler", now=now)


def offer_free_units(session: Session, campaign_id: UUID, *, now: datetime) -> int:
    """Offer the campaign's free units to those who wait longest; return how many offers.

    Nobody else is let in by the gate while somebody waits, so what is free is theirs.
    """
    terms = queries.get_terms(session, campaign_id)
    # Two who offer at once would each offer the same unit.
    campaign = lock_campaign(session, campaign_id)
    if not _may_offer(campaign, terms, now=now):
        return 0
    free = allotments.count_left(session, [terms.item_id], now=now).get(terms.item_id, 0)
    next_ones = _lock_next(session, campaign_id, most=min(free, MOST_OFFERS))
    gone = members.find_deleted(session, {wait.member_id for wait in next_ones})
    offered = 0
    try:
        for wait in next_ones:
            if wait.member_id in gone:  # nobody could take it
                _end(session, wait, WaitStatus.LEFT, actor="waitlist", now=now)
                continue
            with session.begin_nested():
                _offer(session, campaign, terms, wait, now=now)
            offered += 1
    except OutOfStock:
        pass  # an offer taken at this moment had one of them; the queue is looked at again
    return offered


def close_queue(session: Session, campaign_id: UUID, *, now: datetime) -> None:
    """Nothing is offered any more: tell those who still wait that it is over."""
    # Whoever is just joining refers to the terms: they are waited for, and are told, too.
    session.get_one(FlashTerms, campaign_id, with_for_update=True, populate_existing=True)
    waiting = session.scalars(
        select(Wait)
        .where(Wait.campaign_id == campaign_id, Wait.status == WaitStatus.WAITING)
        .order_by(Wait.id)
        .with_for_update()
    )
    for wait in waiting:
        move(session, wait, WaitStatus.OVER, at=now, actor="scheduler")


def _check_waits(session: Session, sale: Sale, member_id: UUID, *, now: datetime) -> None:
    if not takes_waits(sale.campaign, now=now):
        if now < sale.campaign.starts_at:
            raise NotStarted(starts_at=sale.campaign.starts_at.isoformat())
        raise Ended
    held = len(queries.list_units(session, sale.campaign.id, [member_id]).get(member_id, ()))
    if held >= sale.terms.limit_per_member:
        raise CampaignLimitReached(limit=sale.terms.limit_per_member, left=0)
    is_new_only = sale.campaign.audience is Audience.NEW_MEMBERS
    if is_new_only and orders.has_paid_before(session, member_id):
        raise NotForYou
    if sale.terms.mode is SaleMode.RUSH and queries.count_open_units(session, sale, now=now) > 0:
        raise StillOnSale


def _may_offer(campaign: Campaign, terms: FlashTerms, *, now: datetime) -> bool:
    if terms.mode is SaleMode.LOTTERY:
        # A draw comes first; who was drawn is offered units until the campaign's trail is over.
        is_over = campaign.status is CampaignStatus.ENDED
        is_drawn = campaign.released_at is not None
        return is_over and now < offers_until(campaign) and is_drawn
    return campaign.status is CampaignStatus.LIVE and now < campaign.ends_at


def _offer(
    session: Session, campaign: Campaign, terms: FlashTerms, wait: Wait, *, now: datetime
) -> None:
    allotments.hand_on(session, from_id=terms.item_id, to_id=wait.id, quantity=1, now=now)
    until = min(now + timedelta(seconds=terms.offer_seconds), offers_until(campaign))
    wait.offered_until = until
    wait.due_at = until
    move(session, wait, WaitStatus.OFFERED, at=now, actor="waitlist")
    faultpoint("flash_sale.waiting.after_offer")
    emit(
        session,
        OfferMade(str(wait.id), str(campaign.id), str(wait.member_id), until.isoformat()),
        now=now,
    )


def _end(session: Session, wait: Wait, to: WaitStatus, *, actor: str, now: datetime) -> None:
    if wait.status is WaitStatus.OFFERED:
        terms = queries.get_terms(session, wait.campaign_id)
        # A campaign that is being settled gives its units to everybody, and waits for no offer.
        is_settled = lock_campaign(session, wait.campaign_id).status is CampaignStatus.SETTLED
        allotments.give_back(session, allotted_to=wait.id, to=None if is_settled else terms.item_id)
    settle(wait)
    move(session, wait, to, at=now, actor=actor)


def _lock(session: Session, wait_id: UUID) -> Wait | None:
    return session.get(Wait, wait_id, with_for_update=True, populate_existing=True)


def _lock_next(session: Session, campaign_id: UUID, *, most: int) -> Sequence[Wait]:
    if most <= 0:
        return ()
    return session.scalars(
        select(Wait)
        .where(Wait.campaign_id == campaign_id, Wait.status == WaitStatus.WAITING)
        .order_by(Wait.rank, Wait.place)
        .limit(most)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
