"""Orders: place, see, cancel, refund."""

from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from kit.pages import BadCursor
from miniprogram_api import idempotency
from miniprogram_api.auth import caller
from miniprogram_api.client_channel import (
    UnknownClientChannel,
    client_channel,
    takes_client_channel,
)
from miniprogram_api.doors import member_blueprint, refuses
from miniprogram_api.order_views import (
    poll_after,
    view_order,
    view_orders,
    view_payment,
    view_refund,
)
from miniprogram_api.pages import answer_read
from miniprogram_api.ports import ports
from miniprogram_api.schemas.orders import (
    OrderAnswer,
    OrderIn,
    OrderPage,
    OrderQuery,
    OrderRead,
    RefundAnswer,
    RefundIn,
    WaitQuery,
)
from miniprogram_api.waiting import wait_for_change
from shop.cards.service import OutOfStock
from shop.members.queries import MemberNotActive
from shop.orders import queries, refunding
from shop.orders import service as orders
from shop.orders.models import Order, OrderStatus
from shop.orders.rules import BadLines, LimitReached, LineWanted, SkuNotForSale, TotalTooLarge
from shop.payments import queries as payments
from shop.payments.models import RefundReason

blueprint = member_blueprint("orders", tag="Orders")


@blueprint.post("/orders")
@blueprint.input(OrderIn)
@blueprint.output(OrderAnswer, status_code=201)
@blueprint.doc(summary="Place an order")
@idempotency.needs_key
@takes_client_channel
@refuses(
    UnknownClientChannel,
    BadLines,
    SkuNotForSale,
    LimitReached,
    TotalTooLarge,
    OutOfStock,
    MemberNotActive,
)
def place(json_data: OrderIn) -> Response:
    """Reserve the cards and fix the price; pay until `pay_by`."""
    who, now = caller(), ports().clock()
    channel = client_channel()
    with ports().begin() as session:
        earlier = idempotency.recall(session, member_id=who.member_id, body=json_data, now=now)
        if earlier is not None:
            return earlier
        order = orders.place_order(
            session,
            member_id=who.member_id,
            sale_channel=channel,
            wanted=[LineWanted(line.sku_id, line.quantity) for line in json_data.lines],
            pay_within=ports().pay_within,
            now=now,
        )
        answer = OrderAnswer(order=view_order(session, order))
        return idempotency.remember(session, member_id=who.member_id, answer=answer, status=201)


@blueprint.get("/orders")
@blueprint.input(OrderQuery, location="query")
@blueprint.output(OrderPage)
@blueprint.doc(summary="List my orders, newest first")
@refuses(BadCursor)
def list_mine(query_data: OrderQuery) -> Response:
    """One page of the member's orders with their lines."""
    with ports().begin() as session:
        page = queries.list_orders(
            session,
            caller().member_id,
            status=query_data.status,
            cursor=query_data.cursor,
            limit=query_data.limit,
        )
        items = view_orders(session, page.items)
    return answer_read(
        OrderPage(
            items=items,
            next_cursor=page.next_cursor,
            server_time=ports().clock(),
            poll_after_ms=poll_after(items),
        )
    )


@blueprint.get("/orders/<uuid:order_id>")
@blueprint.input(WaitQuery, location="query")
@blueprint.output(OrderRead)
@blueprint.doc(summary="See one of my orders; `wait` for it to change")
@refuses(queries.OrderNotFound)
def see(order_id: UUID, query_data: WaitQuery) -> Response:
    """An order with its payments and refunds."""
    member_id = caller().member_id
    if query_data.wait and _look(order_id, member_id)[0] is OrderStatus.PENDING:
        wait_for_change(lambda: _look(order_id, member_id), query_data.wait)
    with ports().begin() as session:
        order = queries.get_order(session, order_id, member_id=member_id)
        read = _read_order(session, order)
    return answer_read(read)


@blueprint.post("/orders/<uuid:order_id>/cancel")
@blueprint.output(OrderAnswer)
@blueprint.doc(summary="Cancel an order that is not paid")
@refuses(queries.OrderNotFound, orders.NotCancellable)
def cancel(order_id: UUID) -> OrderAnswer:
    """Close it, or have its open trade closed at the platform first (`is_cancelling`)."""
    with ports().begin() as session:
        order = queries.lock_own_order(session, order_id, member_id=caller().member_id)
        orders.cancel_order(session, order, now=ports().clock())
        return OrderAnswer(order=view_order(session, order))


@blueprint.post("/orders/<uuid:order_id>/refunds")
@blueprint.input(RefundIn)
@blueprint.output(RefundAnswer, status_code=201)
@blueprint.doc(summary="Give back what the rules allow")
@idempotency.needs_key
@refuses(queries.OrderNotFound, refunding.NotRefundable)
def refund(order_id: UUID, json_data: RefundIn) -> Response:
    """Take back cards nobody has seen, and promise their price back."""
    member_id, now = caller().member_id, ports().clock()
    with ports().begin() as session:
        earlier = idempotency.recall(session, member_id=member_id, body=json_data, now=now)
        if earlier is not None:
            return earlier
        order = queries.lock_own_order(session, order_id, member_id=member_id)
        refunds = refunding.refund_order(
            session,
            order,
            reason=RefundReason.MEMBER,
            line_id=json_data.line_id,
            quantity=json_data.quantity,
            now=now,
        )
        answer = RefundAnswer(
            order=view_order(session, order), refunds=[view_refund(row) for row in refunds]
        )
        return idempotency.remember(session, member_id=member_id, answer=answer, status=201)


def _look(order_id: UUID, member_id: UUID) -> tuple[OrderStatus, int]:
    with ports().begin() as session:
        order = queries.get_order(session, order_id, member_id=member_id)
        return order.status, order.version


def _read_order(session: Session, order: Order) -> OrderRead:
    seen = view_order(session, order)
    return OrderRead(
        **dict(seen),
        payments=[view_payment(row) for row in payments.list_payments(session, order.id)],
        refunds=[view_refund(row) for row in payments.list_refunds(session, order.id)],
        server_time=ports().clock(),
        poll_after_ms=poll_after([seen]),
    )
