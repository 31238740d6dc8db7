"""Reading groups and seats, and locking a group to change it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from group_buy.models import Group, GroupStatus, GroupTerms, Seat, SeatStatus
from kit.errors import NotFound

TAKEN = (SeatStatus.HELD, SeatStatus.PAID)


class GroupNotFound(NotFound):
    """There is no such group."""

    code = "group_buy.not_found"
    title = "Group not found"
    message = "没有找到该团"


class NotInGroup(NotFound):
    """The member has no seat in the group."""

    code = "group_buy.not_in_group"
    title = "You have no seat in this group"
    message = "您不在该团中"


def get_terms(session: Session, campaign_id: UUID) -> GroupTerms:
    """Return the terms of a campaign's groups."""
    return session.get_one(GroupTerms, campaign_id)


def get_group(session: Session, group_id: UUID) -> Group:
    """Return the group; raises `GroupNotFound`."""
    group = session.get(Group, group_id)
    if group is None:
        raise GroupNotFound
    return group


def lock_group(session: Session, group_id: UUID) -> Group:
    """Return the group, locked and fresh; raises `GroupNotFound`."""
    group = session.get(Group, group_id, with_for_update=True, populate_existing=True)
    if group is None:
        raise GroupNotFound
    return group


def lock_group_if_free(session: Session, group_id: UUID) -> Group | None:
    """Return the group, locked and fresh, or None when somebody else has it locked.

    For whoever holds another group's lock already, and must not wait in a ring.
    """
    return session.scalars(
        select(Group)
        .where(Group.id == group_id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


def list_seats(
    session: Session, group_id: UUID, *, statuses: Collection[SeatStatus] = TAKEN
) -> Sequence[Seat]:
    """Return the group's seats in the order they were taken."""
    return session.scalars(
        select(Seat)
        .where(Seat.group_id == group_id, Seat.status.in_(statuses))
        .order_by(Seat.joined_at, Seat.id)
        .execution_options(populate_existing=True)
    ).all()


def list_own_seats(session: Session, group_id: UUID, member_id: UUID) -> Sequence[Seat]:
    """Return the seats that the member has in the group now."""
    return [seat for seat in list_seats(session, group_id) if seat.member_id == member_id]


def find_seat_of_order(session: Session, order_id: UUID) -> Seat | None:
    """Return the seat that an order was placed for; after a move the latest one."""
    return session.scalars(
        select(Seat)
        .where(Seat.order_id == order_id)
        .order_by(Seat.id.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    ).one_or_none()


def list_groups(
    session: Session, *, status: GroupStatus, campaign_id: UUID | None = None, limit: int
) -> Sequence[Group]:
    """Return groups of one status, of one campaign or of all, those that end soonest first."""
    query = select(Group).where(Group.status == status)
    if campaign_id is not None:
        query = query.where(Group.campaign_id == campaign_id)
    return session.scalars(query.order_by(Group.ends_at, Group.id).limit(limit)).all()


def list_nearly_full(
    session: Session, campaign_id: UUID, *, missing: int, now: datetime, limit: int
) -> Sequence[Group]:
    """Return open groups that lack at most `missing` paid seats, the fewest and oldest first."""
    short_by = Group.seats_required - Group.seats_paid
    return session.scalars(
        select(Group)
        .where(
            Group.campaign_id == campaign_id,
            Group.status == GroupStatus.OPEN,
            Group.ends_at > now,
            Group.seats_paid > 0,
            short_by <= missing,
        )
        .order_by(short_by, Group.id)
        .limit(limit)
    ).all()


def list_movable_to(
    session: Session, group: Group, *, member_id: UUID, now: datetime, limit: int = 20
) -> Sequence[UUID]:
    """Return ids of other open groups of the same item, with a free seat and none of the member."""
    short_by = Group.seats_required - Group.seats_paid
    mine = select(Seat.group_id).where(Seat.member_id == member_id, Seat.status.in_(TAKEN))
    taken = (
        select(func.count())
        .where(Seat.group_id == Group.id, Seat.status.in_(TAKEN))
        .correlate(Group)
        .scalar_subquery()
    )
    return session.scalars(
        select(Group.id)
        .where(
            Group.item_id == group.item_id,
            Group.id != group.id,
            Group.status == GroupStatus.OPEN,
            Group.ends_at > now,
            Group.id.not_in(mine),
            taken < Group.seats_max,
        )
        .order_by(short_by, Group.id)
        .limit(limit)
    ).all()


def count_by_status(session: Session, campaign_id: UUID) -> Mapping[GroupStatus, int]:
    """Return how many groups of the campaign have each status."""
    rows = session.execute(
        select(Group.status, func.count())
        .where(Group.campaign_id == campaign_id)
        .group_by(Group.status)
    )
    return {status: int(count) for status, count in rows}


def due_groups(now: datetime) -> Select[UUID]:
    """Select the ids of groups whose time is over, longest due first."""
    return select(Group.id).where(Group.due_at <= now).order_by(Group.due_at, Group.id)
