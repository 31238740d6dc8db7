"""Whose the seats are, when two accounts of one person become one."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from group_buy import queries
from group_buy.models import Seat, SeatStatus
from group_buy.rules import free_member_seat


def reassign(session: Session, *, from_member_id: UUID, into_member_id: UUID) -> None:
    """Give one member's seats and initiations to the member they became part of.

    Where both sit in one group, the person keeps both seats.
    """
    group_ids = session.scalars(
        select(Seat.group_id)
        .where(Seat.member_id == from_member_id)
        .distinct()
        .order_by(Seat.group_id)
    ).all()
    for group_id in group_ids:
        _reassign_in(session, group_id, from_member_id, into_member_id)


def _reassign_in(
    session: Session, group_id: UUID, from_member_id: UUID, into_member_id: UUID
) -> None:
    group = queries.lock_group(session, group_id)
    seats = queries.list_seats(session, group_id, statuses=tuple(SeatStatus))
    theirs = [
        seat.member_seat
        for seat in seats
        if seat.member_id == into_member_id and seat.status in queries.TAKEN
    ]
    for seat in seats:
        if seat.member_id != from_member_id:
            continue
        if seat.status in queries.TAKEN:
            seat.member_seat = free_member_seat(theirs)
            theirs.append(seat.member_seat)
        seat.member_id = into_member_id
    if group.initiator_id == from_member_id:
        group.initiator_id = into_member_id
