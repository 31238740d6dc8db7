"""What members and chat groups hear of groups that formed, failed, want members or moved them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from group_buy import queries
from group_buy.models import GroupStatus, SeatStatus
from kit.clock import business_date
from shop.campaigns.models import Campaign
from shop.outreach import planning
from shop.outreach.inbox import telling
from shop.outreach.inbox.models import NoticeKind
from shop.outreach.inbox.telling import Told
from shop.outreach.models import PushEdge
from shop.referral import chat_invites


def tell_formed(session: Session, group_id: UUID, campaign_id: UUID, *, now: datetime) -> None:
    """Tell everybody with a paid seat; the first group of the campaign is news for chat groups."""
    _tell(session, group_id, campaign_id, NoticeKind.GROUP_FORMED, SeatStatus.PAID, now=now)
    planning.note_edge(session, campaign_id, PushEdge.FORMED, now=now)


def tell_failed(session: Session, group_id: UUID, campaign_id: UUID, *, now: datetime) -> None:
    """Tell everybody whose money goes back; a group that nobody had paid in is no news."""
    is_news = _tell(
        session, group_id, campaign_id, NoticeKind.GROUP_FAILED, SeatStatus.RETURNED, now=now
    )
    if is_news:
        planning.note_edge(session, campaign_id, PushEdge.FAILED, now=now)


def tell_moved(
    session: Session, order_id: UUID, member_id: UUID, group_id: UUID, *, now: datetime
) -> None:
    """Tell a late payer in which group their seat is now."""
    told = Told(
        kind=NoticeKind.SEAT_MOVED,
        cause=f"moved:{order_id}:{group_id}",
        page=f"pages/group/group?id={group_id}",
        campaign=_name_of_campaign(session, group_id),
    )
    telling.tell(session, told, [member_id], now=now)


def tell_nudged(session: Session, group_id: UUID, *, now: datetime) -> None:
    """Tell who may fill the last seats of a group: who holds one, and its chat groups' members.

    The chat groups are those that the initiator runs or came from. A member hears of one campaign
    once a day, however many of its groups ask.
    """
    group = queries.get_group(session, group_id)
    if group.status is not GroupStatus.OPEN or now >= group.ends_at:
        return
    seats = queries.list_seats(session, group_id)
    settled = {seat.member_id for seat in seats if seat.status is SeatStatus.PAID}
    holding = {seat.member_id for seat in seats} - settled
    around = chat_invites.list_around(session, group.initiator_id, at=now)
    told = Told(
        kind=NoticeKind.GROUP_NUDGED,
        cause=f"nudge:{group.campaign_id}:{business_date(now)}",
        page=f"pages/group/group?id={group_id}",
        campaign=_name_of_campaign(session, group_id),
        at=group.ends_at,
        expires_at=group.ends_at,
    )
    telling.tell(session, told, sorted((holding | set(around)) - settled), now=now)


def _name_of_campaign(session: Session, group_id: UUID) -> str:
    group = queries.get_group(session, group_id)
    return session.get_one(Campaign, group.campaign_id).name


def _tell(
    session: Session,
    group_id: UUID,
    campaign_id: UUID,
    kind: NoticeKind,
    status: SeatStatus,
    *,
    now: datetime,
) -> int:
    seats = queries.list_seats(session, group_id, statuses=[status])
    told = Told(
        kind=kind,
        cause=f"group:{group_id}",
        page=f"pages/group/group?id={group_id}",
        campaign=session.get_one(Campaign, campaign_id).name,
    )
    return telling.tell(session, told, sorted({seat.member_id for seat in seats}), now=now)
