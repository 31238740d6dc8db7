"""Turning rows of orders into what their member sees: named fields, never the whole row."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from miniprogram_api.schemas.orders import LineOut, OrderOut, OrderPaymentOut, RefundOut
from shop.orders import queries
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.payments.models import Payment, Refund

# How soon something may have happened; an order in any other state waits for its member alone.
POLL_AFTER_MS: Final = {
    OrderStatus.PENDING: 2000,
    OrderStatus.PAID: 1000,
    OrderStatus.REFUNDING: 5000,
}


def view_orders(session: Session, orders: Sequence[Order]) -> list[OrderOut]:
    """Return the orders with their lines."""
    lines: dict[UUID, list[OrderLine]] = defaultdict(list)
    for line in queries.list_lines(session, [order.id for order in orders]):
        lines[line.order_id].append(line)
    return [view_placed(order, lines[order.id]) for order in orders]


def view_order(session: Session, order: Order) -> OrderOut:
    """Return one order with its lines."""
    return view_orders(session, [order])[0]


def view_placed(order: Order, lines: Sequence[OrderLine]) -> OrderOut:
    """Return an order whose lines are at hand."""
    return OrderOut(
        id=order.id,
        order_no=order.order_no,
        status=order.status,
        sale_channel=order.sale_channel,
        total_fen=order.total_fen,
        refunded_fen=sum(line.refunded_fen for line in lines),
        is_held=order.is_held,
        is_cancelling=order.status is OrderStatus.PENDING and order.close_reason is not None,
        close_reason=order.close_reason,
        placed_at=order.placed_at,
        pay_by=order.pay_by,
        paid_at=order.paid_at,
        fulfilled_at=order.fulfilled_at,
        closed_at=order.closed_at,
        lines=[_view_line(line) for line in lines],
    )


def view_payment(payment: Payment) -> OrderPaymentOut:
    """Return a payment of an order."""
    return OrderPaymentOut(
        id=payment.id,
        channel=payment.channel,
        status=payment.status,
        amount_fen=payment.amount_fen,
        created_at=payment.created_at,
        captured_at=payment.captured_at,
    )


def view_refund(refund: Refund) -> RefundOut:
    """Return a refund of an order."""
    return RefundOut(
        id=refund.id,
        reason=refund.reason,
        status=refund.status,
        amount_fen=refund.amount_fen,
        requested_at=refund.requested_at,
        done_at=refund.done_at,
    )


def poll_after(orders: Sequence[OrderOut]) -> int | None:
    """Return when the earliest news of any of the orders may be there, in milliseconds."""
    waits = [POLL_AFTER_MS[order.status] for order in orders if order.status in POLL_AFTER_MS]
    return min(waits, default=None)


def _view_line(line: OrderLine) -> LineOut:
    promised = line.snapshot
    return LineOut(
        id=line.id,
        sku_id=line.sku_id,
        product_id=promised["product_id"],
        product_title=promised["product_title"],
        sku_title=promised["sku_title"],
        brand=promised["brand"],
        picture=promised["picture"],
        kind=promised["kind"],
        quantity=line.quantity,
        face_value_fen=promised["face_value_fen"],
        unit_price_fen=line.unit_price_fen,
        total_fen=line.total_fen,
        refunded_fen=line.refunded_fen,
        refunded_quantity=line.refunded_quantity,
        refund_rule=promised["refund_rule"],
        warranty_days=promised["warranty_days"],
        purchase_notes=promised["purchase_notes"],
    )
