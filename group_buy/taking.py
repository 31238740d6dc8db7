"""What a payment does to a group: seats are paid, it forms, a late payer moves or is repaid."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from group_buy import queries
from group_buy.events import GroupFormed, SeatMoved
from group_buy.models import Group, GroupStatus, Seat, SeatStatus
from group_buy.rules import first_free, free_member_seat, ladder_of, price_at, takes_members
from kit.faultpoints import faultpoint
from kit.ids import new_id
from kit.lifecycle import move
from kit.outbox import emit
from kit.sweep import settle
from shop.campaigns.models import CampaignItem
from shop.orders import holding
from shop.orders import queries as orders
from shop.orders.models import Order, OrderStatus
from shop.payments import queries as payments
from shop.payments.models import RefundReason


class GroupsBusy(Exception):
    """Every group that a late payer could move to is locked at this moment."""


def take_paid_seat(session: Session, order_id: UUID, *, now: datetime) -> None:
    """Apply that an order was paid to its seat; repeats change nothing.

    A payment in time makes the seat paid, and the last one forms the group. One that came too
    late moves to another group if its member agreed to that, else the money goes back.
    """
    seat = queries.find_seat_of_order(session, order_id)
    if seat is None:
        return  # not an order of a group
    group = queries.lock_group(session, seat.group_id)
    seat = queries.find_seat_of_order(session, order_id)
    order = orders.lock_order(session, order_id)
    if seat is None or seat.status is SeatStatus.PAID or not _is_waiting(order):
        return
    if seat.status is SeatStatus.HELD:
        if is_in_time(session, group, seat):
            pay_seat(session, group, seat, now=now)
            return
        # Its trade was still open when the group's time was over, and was paid after that.
        move(session, seat, SeatStatus.LAPSED, at=now, actor="payment")
    _place_late_payer(session, group, seat, order, now=now)


def is_in_time(session: Session, group: Group, seat: Seat) -> bool:
    """Say whether the seat was paid within the group's time, whenever we hear of it."""
    paying = payments.get_paying(session, seat.order_id)
    return paying.captured_at is not None and paying.captured_at < group.ends_at


def pay_seat(session: Session, group: Group, seat: Seat, *, now: datetime) -> None:
    """Make a held seat paid, and form the group or lower its price when that is reached.

    The caller holds the group's lock.
    """
    seat.paid_at = now
    move(session, seat, SeatStatus.PAID, at=now, actor="payment")
    group.seats_paid += 1
    faultpoint("group_buy.taking.after_seat_paid")
    if group.status is GroupStatus.OPEN and group.seats_paid >= group.seats_required:
        form(session, group, now=now)
    elif group.status is GroupStatus.FORMED:
        holding.release_held(session, [seat.order_id], now=now)
    if group.status is GroupStatus.FORMED:
        _lower_price(session, group, seat, now=now)


def form(session: Session, group: Group, *, house_seats: int = 0, now: datetime) -> None:
    """Form the group: all its paid orders are released for delivery together."""
    seats = queries.list_seats(session, group.id, statuses=[SeatStatus.PAID])
    group.formed_at = now
    group.house_seats = house_seats
    move(session, group, GroupStatus.FORMED, at=now, actor="group_buy")
    if group.seats_max == group.seats_required or house_seats:
        settle(group)  # a group with a ladder grows until its time is over
    holding.release_held(session, [seat.order_id for seat in seats], now=now)
    faultpoint("group_buy.taking.after_release")
    members = len({seat.member_id for seat in seats})
    emit(
        session,
        GroupFormed(str(group.id), str(group.campaign_id), members, house_seats),
        now=now,
    )


def _is_waiting(order: Order) -> bool:
    return order.status is OrderStatus.PAID and order.is_held


def _lower_price(session: Session, group: Group, newest: Seat, *, now: datetime) -> None:
    """Lower the price for all when a rung is reached.

    Else only for the newest: its seat may have been taken before the last rung was.
    """
    terms = queries.get_terms(session, group.campaign_id)
    deal_price = session.get_one(CampaignItem, group.item_id).deal_price_fen
    price = price_at(ladder_of(terms), group.seats_paid, deal_price_fen=deal_price)
    seats = [newest]
    if price < group.price_fen:
        group.price_fen = price
        seats = list(queries.list_seats(session, group.id, statuses=[SeatStatus.PAID]))
    orders_paid = [seat.order_id for seat in seats]
    holding.lower_prices(session, orders_paid, to_fen=group.price_fen, now=now)


def _place_late_payer(
    session: Session, group: Group, seat: Seat, order: Order, *, now: datetime
) -> None:
    """Seat somebody whose hold had lapsed: here, else elsewhere if they agreed, else repay."""
    if seat.status is SeatStatus.LAPSED:
        if _sit_down(session, group, seat, order, now=now):
            return
        if seat.may_move and _move_elsewhere(session, group, seat, order, now=now):
            return
    holding.refund_held(session, [order.id], reason=RefundReason.GROUP_LATE, now=now)


def _move_elsewhere(
    session: Session, group: Group, seat: Seat, order: Order, *, now: datetime
) -> bool:
    was_busy = False
    for place in queries.list_movable_to(session, group, member_id=seat.member_id, now=now):
        other = queries.lock_group_if_free(session, place)
        if other is None:
            was_busy = True
        elif _sit_down(session, other, seat, order, now=now):
            return True
    if was_busy:
        raise GroupsBusy  # tried again a moment later, rather than repaid for being unlucky
    return False


def _sit_down(session: Session, group: Group, former: Seat, order: Order, *, now: datetime) -> bool:
    """Take a seat in a locked group for an order that is paid; False when there is none."""
    taken = queries.list_seats(session, group.id)
    mine = [seat.member_seat for seat in taken if seat.member_id == former.member_id]
    terms = queries.get_terms(session, group.campaign_id)
    is_full = len(taken) >= group.seats_max or len(mine) >= terms.seats_per_member
    if is_full or not takes_members(group, now=now):
        return False
    seat = Seat(
        id=new_id(),
        group_id=group.id,
        seats_max=group.seats_max,
        seat_no=first_free([seat.seat_no for seat in taken], seats_max=group.seats_max),
        member_id=former.member_id,
        member_seat=free_member_seat(mine),
        order_id=order.id,
        status=SeatStatus.HELD,
        may_move=former.may_move,
        moved_from_id=None if group.id == former.group_id else former.group_id,
        joined_at=now,
    )
    session.add(seat)
    session.flush()  # the constraints have the last word before the seat is paid
    if group.id != former.group_id:
        told = SeatMoved(str(order.id), str(former.member_id), str(former.group_id), str(group.id))
        emit(session, told, now=now)
        faultpoint("group_buy.taking.after_move")
    pay_seat(session, group, seat, now=now)
    return True
