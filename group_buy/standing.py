"""All that decides whether somebody may take a seat, read by two statements that are built once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, func, literal, literal_column, select
from sqlalchemy.orm import Session, aliased

from group_buy import queries
from group_buy.models import Group, GroupStatus, GroupTerms, Seat
from shop.campaigns.models import Campaign
from shop.members import queries as members
from shop.members.models import Member
from shop.orders import queries as orders


@dataclass(frozen=True, slots=True)
class Place:
    """A group, locked and fresh, with its campaign and terms."""

    group: Group
    campaign: Campaign
    terms: GroupTerms


@dataclass(frozen=True, slots=True)
class TakenSeat:
    """A seat that somebody has."""

    seat_no: int
    member_id: UUID
    member_seat: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Who sits in a group, and what a member has of its campaign already."""

    taken: Sequence[TakenSeat]
    groups: int  # in which the member has a seat, formed ones too
    bought: int  # units, neither let lapse nor given back


# As constants they let a prepared plan use the indexes of taken seats.
_TAKEN: Final[list[ColumnElement[str]]] = [
    literal_column(f"'{status.value}'") for status in queries.TAKEN
]
_THEIRS: Final = aliased(Seat)
_THEIR_GROUP: Final = aliased(Group)
_PLACE: Final = (
    select(Group, Campaign, GroupTerms, Member.status)
    .join(Campaign, Campaign.id == Group.campaign_id)
    .join(GroupTerms, GroupTerms.campaign_id == Group.campaign_id)
    .join(Member, Member.id == bindparam("member"))
    .where(Group.id == bindparam("group"))
    .with_for_update(of=(Group, Member))
    .execution_options(populate_existing=True)
)
_GROUPS: Final = (
    select(func.count(func.distinct(_THEIRS.group_id)))
    .join(_THEIR_GROUP, _THEIR_GROUP.id == _THEIRS.group_id)
    .where(
        _THEIRS.member_id == bindparam("member"),
        _THEIRS.status.in_(_TAKEN),
        _THEIR_GROUP.campaign_id == bindparam("campaign"),
        _THEIR_GROUP.status != literal_column(f"'{GroupStatus.FAILED.value}'"),
    )
)
_ONE: Final = select(literal(1).label("one")).subquery()
_STANDING: Final = (
    select(
        _GROUPS.scalar_subquery(),
        orders.BOUGHT_IN_CAMPAIGN.scalar_subquery(),
        Seat.seat_no,
        Seat.member_id,
        Seat.member_seat,
    )
    .select_from(_ONE)  # so that there is a row when nobody sits in the group
    .outerjoin(Seat, and_(Seat.group_id == bindparam("group"), Seat.status.in_(_TAKEN)))
)


def lock_place(session: Session, group_id: UUID, member_id: UUID) -> Place:
    """Lock the group, then the member; raises `GroupNotFound` or what `lock_member` raises."""
    row = session.execute(_PLACE, {"group": group_id, "member": member_id}).one_or_none()
    if row is None:
        queries.get_group(session, group_id)
        raise members.MemberNotFound
    group, campaign, terms, status = row
    members.check_active(status)
    return Place(group, campaign, terms)


def find_standing(
    session: Session, *, campaign_id: UUID, group_id: UUID, member_id: UUID
) -> Standing:
    """Return how the member stands; whoever goes by it holds the locks of group and member."""
    parameters = {"campaign": campaign_id, "group": group_id, "member": member_id}
    rows = session.execute(_STANDING, parameters).all()
    taken = [
        TakenSeat(seat_no, sitting, member_seat)
        for _, _, seat_no, sitting, member_seat in rows
        if seat_no is not None
    ]
    return Standing(taken, groups=int(rows[0][0]), bought=int(rows[0][1]))
