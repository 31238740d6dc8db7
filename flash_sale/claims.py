"""What becomes of claimed units: paid, lapsed, returned; whose they are when accounts join."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from flash_sale import queries, waiting
from flash_sale.events import SamePayerNoticed
from flash_sale.models import Claim, ClaimStatus, Reminder, Wait
from kit.lifecycle import move
from kit.outbox import emit


def pay(session: Session, order_id: UUID, *, now: datetime) -> None:
    """Make the units of a paid order paid; repeats change nothing."""
    claims = queries.list_claims_of_order(session, order_id)
    for claim in claims:
        if claim.status is ClaimStatus.HELD:
            move(session, claim, ClaimStatus.PAID, at=now, actor="payment")
    if claims:
        _notice_same_payer(session, claims[0], now=now)


def lapse(session: Session, order_id: UUID, *, now: datetime) -> None:
    """Free the places of an order that closed unpaid, and offer its units to those who wait."""
    claims = queries.list_claims_of_order(session, order_id)
    for claim in claims:
        if claim.status is ClaimStatus.HELD:
            claim.ended_at = now
            move(session, claim, ClaimStatus.LAPSED, at=now, actor="orders")
    if claims:
        waiting.offer_free_units(session, claims[0].campaign_id, now=now)


def give_back(session: Session, order_id: UUID, *, now: datetime) -> None:
    """Note that the money of an order went back."""
    for claim in queries.list_claims_of_order(session, order_id):
        if claim.status is ClaimStatus.PAID:
            claim.ended_at = now
            move(session, claim, ClaimStatus.RETURNED, at=now, actor="orders")


def reassign(
    session: Session, *, from_member_id: UUID, into_member_id: UUID, now: datetime
) -> None:
    """Give one member's claims, places and reminders to the member they became part of.

    Where both had units of one campaign, theirs are numbered on as far as the limit goes; what
    was claimed beyond it by two accounts of one person stays with the account that is no more.
    """
    for claim in session.scalars(
        select(Claim).where(Claim.member_id == from_member_id).order_by(Claim.id).with_for_update()
    ):
        if claim.status in queries.TAKEN:
            mine = queries.list_units(session, claim.campaign_id, [into_member_id])
            taken = mine.get(into_member_id, set())
            free = [no for no in range(1, claim.limit_per_member + 1) if no not in taken]
            if not free:
                continue
            claim.unit_no = free[0]
        claim.member_id = into_member_id
        session.flush()  # the next one counts this one
    _reassign_waits(session, from_member_id, into_member_id, now=now)
    mine_too = select(Reminder.campaign_id).where(Reminder.member_id == into_member_id)
    session.execute(
        update(Reminder)
        .where(Reminder.member_id == from_member_id, Reminder.campaign_id.not_in(mine_too))
        .values(member_id=into_member_id)
    )
    session.execute(delete(Reminder).where(Reminder.member_id == from_member_id))


def _reassign_waits(
    session: Session, from_member_id: UUID, into_member_id: UUID, *, now: datetime
) -> None:
    mine_too = select(Wait.campaign_id).where(
        Wait.member_id == into_member_id, Wait.status.in_(queries.IN_QUEUE)
    )
    # One person waits once; nobody could take what the account that is no more is offered.
    for campaign_id in session.scalars(
        select(Wait.campaign_id).where(
            Wait.member_id == from_member_id,
            Wait.status.in_(queries.IN_QUEUE),
            Wait.campaign_id.in_(mine_too),
        )
    ).all():
        waiting.leave(session, campaign_id, member_id=from_member_id, now=now)
    session.execute(
        update(Wait)
        .where(Wait.member_id == from_member_id, Wait.campaign_id.not_in(mine_too))
        .values(member_id=into_member_id)
    )


def _notice_same_payer(session: Session, claim: Claim, *, now: datetime) -> None:
    """Tell when another member's units of the campaign were paid by the same payer."""
    other = queries.find_same_payer(session, claim)
    if other is None:
        return
    emit(
        session,
        SamePayerNoticed(
            str(claim.campaign_id), str(claim.order_id), str(claim.member_id), str(other)
        ),
        now=now,
    )
