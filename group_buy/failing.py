"""The end of a group's time: what was paid in time counts, then it is formed, or all is repaid."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Table, inspect, select
from sqlalchemy.orm import Session

from group_buy import taking
from group_buy.events import GroupFailed
from group_buy.models import (
    GROUP_LIFECYCLE,
    SEAT_LIFECYCLE,
    Group,
    GroupStatus,
    Seat,
    SeatStatus,
)
from kit.faultpoints import faultpoint
from kit.lifecycle import move_many
from kit.outbox import Event, emit_many
from kit.sweep import postpone, settle
from shop.orders import holding
from shop.orders.models import Order, OrderStatus
from shop.payments.models import RefundReason

GROUPS: Final[Table] = inspect(Group).local_table  # type: ignore[assignment] # a mapped class's is one
SEATS: Final[Table] = inspect(Seat).local_table  # type: ignore[assignment] # a mapped class's is one
# While a trade of the group is being closed at the platform it may yet turn out paid in time.
LOOK_AGAIN_AFTER: Final = timedelta(seconds=1)


def decide(session: Session, ids: Sequence[UUID], *, now: datetime) -> int:
    """Decide those of the groups whose time is over; return how many were looked at.

    Groups that somebody else is deciding are skipped; one that waits for a payment to be settled
    is looked at again.
    """
    groups = _lock_due(session, ids, now=now)
    seats = _list_held(session, groups)
    failing: list[Group] = []
    for group in groups:
        waiting = _count_in_late(session, group, seats[group.id], now=now)
        if group.status is GroupStatus.FORMED:
            settle(group)  # a ladder's time is over
        elif waiting:
            postpone(group, "a payment is being settled", now=now, by=LOOK_AGAIN_AFTER)
        else:
            failing.append(group)
    session.flush()  # the statements below read the rows
    if failing:
        _fail(session, failing, now=now)
    return len(groups)


def _lock_due(session: Session, ids: Sequence[UUID], *, now: datetime) -> Sequence[Group]:
    return session.scalars(
        select(Group)
        .where(Group.id.in_(ids), Group.due_at <= now)
        .order_by(Group.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


def _list_held(
    session: Session, groups: Sequence[Group]
) -> dict[UUID, list[tuple[Seat, OrderStatus]]]:
    found: dict[UUID, list[tuple[Seat, OrderStatus]]] = defaultdict(list)
    rows = session.execute(
        select(Seat, Order.status)
        .join(Order, Order.id == Seat.order_id)
        .where(Seat.group_id.in_([group.id for group in groups]), Seat.status == SeatStatus.HELD)
        .execution_options(populate_existing=True)
    )
    for seat, status in rows:
        found[seat.group_id].append((seat, status))
    return found


def _count_in_late(
    session: Session, group: Group, held: Sequence[tuple[Seat, OrderStatus]], *, now: datetime
) -> bool:
    """Take in payments whose news is still on its way; say whether any may yet come."""
    for seat, status in held:
        # Who paid too late keeps the seat until the news of it is handled, or the group fails.
        if status is OrderStatus.PAID and taking.is_in_time(session, group, seat):
            taking.take_paid_seat(session, seat.order_id, now=now)
    return any(status is OrderStatus.PENDING for _, status in held)


def _fail(session: Session, groups: Sequence[Group], *, now: datetime) -> None:
    ids = [group.id for group in groups]
    paid = session.execute(
        select(Seat.group_id, Seat.order_id).where(
            Seat.group_id.in_(ids), Seat.status == SeatStatus.PAID
        )
    ).all()
    move_many(
        session,
        GROUPS,
        GROUP_LIFECYCLE,
        GROUPS.c.id.in_(ids),
        old=GroupStatus.OPEN,
        to=GroupStatus.FAILED,
        at=now,
        actor="scheduler",
        values={"failed_at": now, "due_at": None, "last_error": None},
    )
    for old, new in ((SeatStatus.PAID, SeatStatus.RETURNED), (SeatStatus.HELD, SeatStatus.LAPSED)):
        move_many(
            session,
            SEATS,
            SEAT_LIFECYCLE,
            SEATS.c.group_id.in_(ids),
            old=old,
            to=new,
            at=now,
            actor="scheduler",
        )
    faultpoint("group_buy.failing.before_refunds")
    holding.refund_held(
        session,
        [order_id for _, order_id in paid],
        reason=RefundReason.GROUP_FAILED,
        now=now,
    )
    counts = dict.fromkeys(ids, 0)
    for group_id, _ in paid:
        counts[group_id] += 1
    news: list[Event] = [
        GroupFailed(str(group.id), str(group.campaign_id), counts[group.id]) for group in groups
    ]
    emit_many(session, news, now=now)
    faultpoint("group_buy.failing.before_commit")
