"""Held orders: paid, and delivered or repaid only when whoever sold them decides, many at once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Table, inspect, select, update
from sqlalchemy.orm import Session

from kit.lifecycle import move_many
from kit.money import Fen
from shop.cards import service as cards
from shop.ledger.models import AccountKind
from shop.orders import queries
from shop.orders.models import ORDER_LIFECYCLE, Order, OrderLine, OrderStatus
from shop.payments import queries as payments_queries
from shop.payments import refund_batches
from shop.payments.models import RefundReason
from shop.payments.refund_batches import Wanted

ORDERS: Final[Table] = inspect(Order).local_table  # type: ignore[assignment] # a mapped class's is one


def release_held(session: Session, order_ids: Sequence[UUID], *, now: datetime) -> None:
    """Let paid orders go on to delivery, which the sweep of due orders does next."""
    if not order_ids:
        return
    session.flush()  # rows changed above this statement must be in the table
    session.execute(
        update(Order)
        .where(Order.id.in_(order_ids), Order.status == OrderStatus.PAID, Order.is_held)
        .values(is_held=False, due_at=now, attempts=0, version=Order.version + 1)
    )


def refund_held(
    session: Session, order_ids: Sequence[UUID], *, reason: RefundReason, now: datetime
) -> int:
    """Promise the money of paid, held orders back, each once; return how many orders.

    A constant number of statements for any number of orders. Orders that are not paid and held
    (any more) are left as they are.
    """
    orders = _lock_held(session, order_ids)
    if not orders:
        return 0
    ids = [order.id for order in orders]
    lines = queries.list_lines(session, ids)
    cards.release(session, order_line_ids=[line.id for line in lines], now=now, actor=reason.value)
    session.execute(
        update(OrderLine)
        .where(OrderLine.order_id.in_(ids))
        .values(refunded_quantity=OrderLine.quantity, refunded_fen=OrderLine.total_fen)
    )
    move_many(
        session,
        ORDERS,
        ORDER_LIFECYCLE,
        ORDERS.c.id.in_(ids),
        old=OrderStatus.PAID,
        to=OrderStatus.REFUNDING,
        at=now,
        actor=reason.value,
        values={"due_at": None, "last_error": None, "version": ORDERS.c.version + 1},
    )
    wanted = _divide(session, {order.id: order.total_fen for order in orders})
    refund_batches.request_refunds(
        session, wanted, reason=reason, from_account=AccountKind.UNEARNED, now=now
    )
    return len(orders)


def lower_prices(session: Session, order_ids: Sequence[UUID], *, to_fen: Fen, now: datetime) -> int:
    """Give back what released one-unit orders paid above `to_fen`; return how many got any.

    The orders stay as they are: nothing of what they bought goes back. A constant number of
    statements for any number of orders.
    """
    orders = _lock_released(session, order_ids)
    above: dict[UUID, Fen] = {}
    for line in queries.list_lines(session, list(orders)):
        fen = line.unit_price_fen - line.dropped_fen - to_fen
        if fen > 0:
            above[line.order_id] = Fen(fen)
            line.dropped_fen = Fen(line.dropped_fen + fen)
            line.refunded_fen = Fen(line.refunded_fen + fen)
    # What is delivered is earned already.
    for is_earned, account in ((False, AccountKind.UNEARNED), (True, AccountKind.SALES)):
        part = {
            order_id: fen
            for order_id, fen in above.items()
            if (orders[order_id] is OrderStatus.FULFILLED) is is_earned
        }
        if part:
            refund_batches.request_refunds(
                session,
                _divide(session, part),
                reason=RefundReason.PRICE_DROP,
                from_account=account,
                now=now,
            )
    return len(above)


def _lock_released(session: Session, order_ids: Sequence[UUID]) -> dict[UUID, OrderStatus]:
    session.flush()  # rows changed above this statement must be in the table
    orders = session.scalars(
        select(Order)
        .where(
            Order.id.in_(order_ids),
            Order.status.in_((OrderStatus.PAID, OrderStatus.FULFILLED)),
            ~Order.is_held,
        )
        .order_by(Order.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {order.id: order.status for order in orders}


def _lock_held(session: Session, order_ids: Sequence[UUID]) -> Sequence[Order]:
    session.flush()  # rows changed above this statement must be in the table
    return session.scalars(
        select(Order)
        .where(Order.id.in_(order_ids), Order.status == OrderStatus.PAID, Order.is_held)
        .order_by(Order.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def _divide(session: Session, amounts: dict[UUID, Fen]) -> list[Wanted]:
    """Take each order's amount from its payments, the oldest first, by what is left of each."""
    left = payments_queries.list_refundable(session, list(amounts), lock=True)
    wanted: list[Wanted] = []
    missing = dict(amounts)
    for payment, fen in left:
        part = min(fen, missing[payment.order_id])
        if part > 0:
            wanted.append(Wanted(payment, Fen(part)))
            missing[payment.order_id] = Fen(missing[payment.order_id] - part)
    if any(missing.values()):
        raise AssertionError("a paid order has less money left than it is worth")
    return wanted
