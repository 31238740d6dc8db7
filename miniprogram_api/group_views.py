"""Turning rows of groups into what everybody may see: honest numbers and shortened names."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from group_buy import queries
from group_buy.models import Group, GroupStatus, Seat, SeatStatus
from group_buy.rules import ladder_of
from miniprogram_api.schemas.campaigns import RungOut
from miniprogram_api.schemas.groups import GroupMemberOut, GroupOut, SeatOut, ShareOut
from shop.members.models import Member

SHOWN: Final = (SeatStatus.HELD, SeatStatus.PAID, SeatStatus.RETURNED)
MOST_SHOWN: Final = 50  # faces; the numbers count everybody
POLL_AFTER_MS: Final = 2000


def view_groups(session: Session, groups: Sequence[Group]) -> list[GroupOut]:
    """Return the groups with their members."""
    ids = [group.id for group in groups]
    rows = session.execute(
        select(Seat, Member)
        .join(Member, Member.id == Seat.member_id)
        .where(Seat.group_id.in_(ids), Seat.status.in_(SHOWN))
        .order_by(Seat.group_id, Seat.joined_at, Seat.id)
    )
    seats: dict[UUID, list[tuple[Seat, Member]]] = defaultdict(list)
    for seat, member in rows:
        seats[seat.group_id].append((seat, member))
    rungs = {group.campaign_id: _rungs(session, group) for group in groups}
    return [_view(group, seats[group.id], rungs) for group in groups]


def view_group(session: Session, group: Group) -> GroupOut:
    """Return one group with its members."""
    return view_groups(session, [group])[0]


def view_seat(seat: Seat) -> SeatOut:
    """Return a seat for the member whose it is."""
    return SeatOut(
        id=seat.id,
        group_id=seat.group_id,
        seat_no=seat.seat_no,
        status=seat.status,
        may_move=seat.may_move,
        order_id=seat.order_id,
        joined_at=seat.joined_at,
        paid_at=seat.paid_at,
    )


def poll_after(group: GroupOut) -> int | None:
    """Return when something new may be seen, in milliseconds; None when nothing comes any more."""
    is_growing = group.status is GroupStatus.FORMED and group.next_rung is not None
    return POLL_AFTER_MS if group.status is GroupStatus.OPEN or is_growing else None


def short_name(nickname: str | None) -> str:
    """Return a name by which friends know each other and strangers learn nothing."""
    return f"{nickname[0]}**" if nickname else "团友"


def _rungs(session: Session, group: Group) -> list[RungOut]:
    terms = queries.get_terms(session, group.campaign_id)
    return [RungOut(seats=rung.seats, price_fen=rung.price_fen) for rung in ladder_of(terms)]


def _view(
    group: Group,
    seats: Sequence[tuple[Seat, Member]],
    rungs: Mapping[UUID, Sequence[RungOut]],
) -> GroupOut:
    held = sum(seat.status is SeatStatus.HELD for seat, _ in seats)
    missing = max(group.seats_required - group.seats_paid - group.house_seats, 0)
    higher = [rung for rung in rungs[group.campaign_id] if rung.seats > group.seats_paid]
    return GroupOut(
        id=group.id,
        campaign_id=group.campaign_id,
        sku_id=group.sku_id,
        status=group.status,
        seats_required=group.seats_required,
        seats_max=group.seats_max,
        seats_paid=group.seats_paid,
        seats_held=held,
        seats_missing=0 if group.status is GroupStatus.FAILED else missing,
        house_seats=group.house_seats,
        price_fen=group.price_fen,
        next_rung=higher[0] if higher else None,
        opened_at=group.opened_at,
        ends_at=group.ends_at,
        formed_at=group.formed_at,
        failed_at=group.failed_at,
        members=[_view_member(group, *row) for row in seats[:MOST_SHOWN]],
        share=ShareOut(
            title=f"还差 {missing} 人成团" if missing else "已成团",
            path=f"pages/group/index?id={group.id}",
        ),
    )


def _view_member(group: Group, seat: Seat, member: Member) -> GroupMemberOut:
    return GroupMemberOut(
        name=short_name(member.nickname),
        avatar_url=member.avatar_url if member.is_avatar_fit else None,
        seat_no=seat.seat_no,
        is_initiator=member.id == group.initiator_id,
        is_paid=seat.status is not SeatStatus.HELD,
    )
