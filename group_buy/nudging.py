"""A nudge: somebody of a group asks its chat group to fill the last seats, not too often."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from group_buy import queries
from group_buy.events import GroupNudged
from group_buy.models import GroupStatus, SeatStatus
from group_buy.rules import GroupOver
from kit.errors import RateLimited
from kit.outbox import emit

NOT_AGAIN_WITHIN: Final = timedelta(minutes=10)


class NudgedAlready(RateLimited):
    """The group was nudged a moment ago."""

    code = "group_buy.nudged_already"
    title = "The group was nudged a moment ago"
    message = "刚刚提醒过啦,请稍后再试"


def nudge_group(session: Session, group_id: UUID, *, member_id: UUID, now: datetime) -> None:
    """Tell that the group wants members; outreach decides where.

    Raises `GroupNotFound`, `NotInGroup` unless the member has paid in it, `GroupOver` or
    `NudgedAlready`.
    """
    group = queries.lock_group(session, group_id)
    mine = queries.list_own_seats(session, group_id, member_id)
    if not any(seat.status is SeatStatus.PAID for seat in mine):
        raise queries.NotInGroup
    if group.status is not GroupStatus.OPEN or now >= group.ends_at:
        raise GroupOver(status=group.status.value)
    if group.nudged_at is not None and now < group.nudged_at + NOT_AGAIN_WITHIN:
        left = group.nudged_at + NOT_AGAIN_WITHIN - now
        raise NudgedAlready(retry_after_seconds=int(left.total_seconds()) + 1)
    group.nudged_at = now
    missing = group.seats_required - group.seats_paid
    emit(session, GroupNudged(str(group.id), str(group.campaign_id), missing), now=now)
