"""Reading orders, and locking one to change it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, Select, Uuid, bindparam, func, literal_column, select
from sqlalchemy.orm import Session

from kit.clock import business_date, business_day_bounds
from kit.errors import NotFound
from kit.pages import Page, read_page
from kit.rows import among
from shop.orders.models import LISTED, LISTED_CAMPAIGN, Order, OrderLine, OrderStatus
from shop.orders.rules import Bought

# What an order still has to come before its member may leave.
UNFINISHED = (OrderStatus.PENDING, OrderStatus.PAID, OrderStatus.REFUNDING)
_UNITS: Final = OrderLine.quantity - OrderLine.refunded_quantity
# Built once, since every order of a SKU with limits asks it.
_BOUGHT: Final = (
    select(
        func.coalesce(func.sum(_UNITS).filter(Order.placed_at >= bindparam("day_start")), 0),
        func.coalesce(func.sum(_UNITS), 0),
    )
    .join(Order, Order.id == OrderLine.order_id)
    .where(
        OrderLine.member_id == bindparam("member"),
        OrderLine.sku_id == bindparam("sku"),
        Order.status != OrderStatus.CLOSED,
    )
)

# Units a member ordered through a campaign and neither let lapse nor gave back.
BOUGHT_IN_CAMPAIGN: Final = (
    select(func.coalesce(func.sum(_UNITS), 0))
    .join(Order, Order.id == OrderLine.order_id)
    .where(
        Order.campaign_id == bindparam("campaign", type_=Uuid()),
        Order.member_id == bindparam("member", type_=Uuid()),
        Order.status != OrderStatus.CLOSED,
    )
)

_LINES: Final = (
    select(OrderLine)
    .where(among(OrderLine.order_id, "order_ids", Uuid()))
    .order_by(OrderLine.order_id, OrderLine.position)
    .execution_options(populate_existing=True)
)


class OrderNotFound(NotFound):
    """There is no such order, or it is somebody else's; the answer is the same."""

    code = "orders.not_found"
    title = "Order not found"
    message = "没有找到该订单"


def get_order(session: Session, order_id: UUID, *, member_id: UUID) -> Order:
    """Return the member's order; raises `OrderNotFound`."""
    order = session.get(Order, order_id)
    if order is None or order.member_id != member_id:
        raise OrderNotFound
    return order


def lock_order(session: Session, order_id: UUID) -> Order:
    """Return the order, locked and fresh; raises `OrderNotFound`."""
    order = session.get(Order, order_id, with_for_update=True, populate_existing=True)
    if order is None:
        raise OrderNotFound
    return order


def lock_own_order(session: Session, order_id: UUID, *, member_id: UUID) -> Order:
    """Return the member's order, locked and fresh; raises `OrderNotFound`."""
    order = session.scalars(
        select(Order)
        # No lock on somebody else's order.
        .where(Order.id == order_id, Order.member_id == member_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if order is None:
        raise OrderNotFound
    return order


def list_lines(session: Session, order_ids: Sequence[UUID]) -> Sequence[OrderLine]:
    """Return the lines of the orders, in order, fresh."""
    return session.scalars(_LINES, {"order_ids": list(order_ids)}).all()


def list_orders(
    session: Session,
    member_id: UUID,
    *,
    status: OrderStatus | None = None,
    cursor: str | None = None,
    limit: int = 20,
) -> Page[Order]:
    """Return a page of the member's orders, newest first."""
    query = select(Order).where(Order.member_id == member_id)
    if status is not None:
        query = query.where(Order.status == status)
    return read_page(session, query, Order.id, cursor=cursor, limit=limit)


def count_bought(session: Session, member_id: UUID, sku_id: UUID, *, now: datetime) -> Bought:
    """Count the units of a SKU that the member ordered and neither let lapse nor gave back."""
    day_start, _ = business_day_bounds(business_date(now))
    parameters = {"member": member_id, "sku": sku_id, "day_start": day_start}
    today, ever = session.execute(_BOUGHT, parameters).one()
    return Bought(today=int(today), ever=int(ever))


def has_paid_before(session: Session, member_id: UUID) -> bool:
    """Say whether the member has ever paid for an order that was not given back."""
    paid = (
        select(Order.id)
        .where(
            Order.member_id == member_id,
            Order.paid_at.is_not(None),
            Order.status.not_in((OrderStatus.REFUNDING, OrderStatus.REFUNDED)),
        )
        .limit(1)
    )
    return session.scalar(paid) is not None


def with_status(status: OrderStatus) -> list[ColumnElement[bool]]:
    """Return the conditions of a list by id of the orders with a status."""
    is_most = status is OrderStatus.FULFILLED  # found fast by going through all, newest first
    return [Order.status == status, *([] if is_most else [literal_column(LISTED, Boolean)])]


def of_campaign(campaign_id: UUID) -> list[ColumnElement[bool]]:
    """Return the conditions of a list by id of a campaign's orders."""
    return [Order.campaign_id == campaign_id, literal_column(LISTED_CAMPAIGN, Boolean)]


def count_fulfilled(session: Session, member_id: UUID) -> int:
    """Count the orders that the member paid for, was given, and did not give back."""
    counted = (
        select(func.count())
        .select_from(Order)
        .where(Order.member_id == member_id, Order.status == OrderStatus.FULFILLED)
    )
    return session.scalar(counted) or 0


def count_unfinished_in_campaign(session: Session, campaign_id: UUID) -> int:
    """Count a campaign's orders that still wait for payment, delivery or a refund."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Order)
            .where(Order.campaign_id == campaign_id, Order.status.in_(UNFINISHED))
        )
        or 0
    )


def count_unfinished(session: Session, member_id: UUID) -> int:
    """Count the member's orders that still wait for payment, delivery or a refund."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Order)
            .where(Order.member_id == member_id, Order.status.in_(UNFINISHED))
        )
        or 0
    )


def due_to_close(now: datetime) -> Select[UUID]:
    """Select the ids of unpaid orders whose time is over, longest due first."""
    return (
        select(Order.id)
        .where(Order.due_at <= now, Order.status == OrderStatus.PENDING)
        .order_by(Order.due_at)
    )


def due_to_fulfil(now: datetime) -> Select[UUID]:
    """Select the ids of paid orders whose delivery did not happen with the payment."""
    return (
        select(Order.id)
        .where(Order.due_at <= now, Order.status == OrderStatus.PAID, ~Order.is_held)
        .order_by(Order.due_at)
    )
