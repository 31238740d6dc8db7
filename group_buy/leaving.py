"""Seats that are given up: the member leaves, or does not pay in time; initiation passes on."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from group_buy import queries
from group_buy.events import GroupFailed, InitiationPassed
from group_buy.models import Group, GroupStatus, Seat, SeatStatus
from group_buy.rules import GroupOver
from kit.faultpoints import faultpoint
from kit.lifecycle import move
from kit.outbox import emit
from kit.sweep import settle
from shop.orders import holding
from shop.orders import queries as orders_queries
from shop.orders import service as orders
from shop.orders.models import OrderStatus
from shop.payments.models import RefundReason


def leave_group(session: Session, group_id: UUID, *, member_id: UUID, now: datetime) -> Group:
    """Give up the member's seats: unpaid orders are cancelled, paid ones refunded.

    Raises `GroupNotFound`, `NotInGroup`, or `GroupOver` once the group is formed or failed.
    """
    group = queries.lock_group(session, group_id)
    mine = queries.list_own_seats(session, group_id, member_id)
    if not mine:
        raise queries.NotInGroup
    if group.status is not GroupStatus.OPEN:
        raise GroupOver(status=group.status.value)
    for seat in mine:
        _give_up(session, group, seat, now=now)
    _pass_on(session, group, now=now)
    return group


def let_seat_lapse(session: Session, order_id: UUID, *, now: datetime) -> None:
    """Free the seat of an order that closed unpaid; repeats change nothing."""
    seat = queries.find_seat_of_order(session, order_id)
    if seat is None:
        return  # not an order of a group
    group = queries.lock_group(session, seat.group_id)
    seat = queries.find_seat_of_order(session, order_id)
    order = orders_queries.lock_order(session, order_id)
    # A payment that arrived after all may have revived the order in the meantime.
    if seat is None or seat.status is not SeatStatus.HELD or order.status is not OrderStatus.CLOSED:
        return
    move(session, seat, SeatStatus.LAPSED, at=now, actor="orders")
    if group.status is GroupStatus.OPEN:
        _pass_on(session, group, now=now)


def _give_up(session: Session, group: Group, seat: Seat, *, now: datetime) -> None:
    order = orders_queries.lock_order(session, seat.order_id)
    if seat.status is SeatStatus.PAID:
        group.seats_paid -= 1
    move(session, seat, SeatStatus.LEFT, at=now, actor="member")
    faultpoint("group_buy.leaving.after_left")
    if order.status is OrderStatus.PENDING:
        orders.cancel_order(session, order, now=now)
    elif order.status is OrderStatus.PAID:
        holding.refund_held(session, [order.id], reason=RefundReason.LEFT, now=now)


def _pass_on(session: Session, group: Group, *, now: datetime) -> None:
    """Let the next member be the initiator when the present one is gone; nobody: it failed."""
    seats = queries.list_seats(session, group.id)
    if not seats:
        fail_empty(session, group, now=now)
        return
    if any(seat.member_id == group.initiator_id for seat in seats):
        return
    # Whoever has paid goes before whoever has only taken a seat.
    heir = min(
        seats, key=lambda seat: (seat.status is not SeatStatus.PAID, seat.joined_at, seat.id)
    )
    former, group.initiator_id = group.initiator_id, heir.member_id
    emit(session, InitiationPassed(str(group.id), str(former), str(heir.member_id)), now=now)


def fail_empty(session: Session, group: Group, *, now: datetime) -> None:
    """Fail a group in which nobody is left."""
    group.failed_at = now
    move(session, group, GroupStatus.FAILED, at=now, actor="group_buy")
    settle(group)
    emit(session, GroupFailed(str(group.id), str(group.campaign_id), 0), now=now)
