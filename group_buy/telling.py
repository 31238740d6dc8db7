"""What members and chat groups hear of groups that formed or failed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from group_buy import queries
from group_buy.models import SeatStatus
from shop.campaigns.models import Campaign
from shop.outreach import planning
from shop.outreach.inbox import telling
from shop.outreach.inbox.models import NoticeKind
from shop.outreach.inbox.telling import Told
from shop.outreach.models import PushEdge


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
