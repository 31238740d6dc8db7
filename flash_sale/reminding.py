"""Members who want to be told before a campaign opens, and the moment they are."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from flash_sale import queries
from flash_sale.events import OpeningReminded
from flash_sale.models import Reminder
from flash_sale.rules import REMINDED_BEFORE
from kit.outbox import emit
from shop.campaigns.models import CampaignStatus
from shop.campaigns.rules import Ended
from shop.members import queries as members

MOST: Final = 500  # told of by one event


def remind(session: Session, campaign_id: UUID, *, member_id: UUID, now: datetime) -> datetime:
    """Note that the member wants to be told; return when. Raises `CampaignNotFound` or `Ended`.

    Once it has opened there is nothing to wait for.
    """
    sale = queries.get_sale(session, campaign_id)
    members.lock_member(session, member_id)
    if now >= sale.campaign.starts_at:
        raise Ended
    due_at = max(sale.campaign.starts_at - REMINDED_BEFORE, now)
    session.execute(
        insert(Reminder)
        .values(
            campaign_id=campaign_id, member_id=member_id, asked_at=now, due_at=due_at, attempts=0
        )
        .on_conflict_do_nothing()
    )
    return due_at


def tell_due(session: Session, campaign_id: UUID, *, now: datetime) -> int:
    """Tell of up to `MOST` members of the campaign who are due; return how many."""
    sale_status = queries.get_status(session, campaign_id)
    due = session.scalars(
        select(Reminder.member_id)
        .where(Reminder.campaign_id == campaign_id, Reminder.due_at <= now)
        .order_by(Reminder.member_id)
        .limit(MOST)
        .with_for_update(skip_locked=True)
    ).all()
    if not due:
        return 0
    session.execute(
        update(Reminder)
        .where(Reminder.campaign_id == campaign_id, Reminder.member_id.in_(due))
        .values(due_at=None)
    )
    if sale_status is not CampaignStatus.CANCELLED:
        news = OpeningReminded(str(campaign_id), [str(member_id) for member_id in due])
        emit(session, news, now=now)
    return len(due)
