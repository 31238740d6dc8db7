"""The order lifecycle inside one transaction: place, cancel, pay, fulfil, close."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Table, insert, inspect, update
from sqlalchemy.orm import Session

from kit.errors import Conflict
from kit.faultpoints import faultpoint
from kit.ids import new_id, new_number
from kit.lifecycle import move
from kit.money import Fen
from kit.outbox import emit
from kit.sweep import settle
from shop.cards import service as cards
from shop.catalog import queries as catalog
from shop.catalog.models import Product, SaleChannel, Sku
from shop.ledger import service as ledger
from shop.ledger.models import AccountKind
from shop.ledger.service import Cause, Side
from shop.members import queries as members
from shop.orders import queries
from shop.orders.events import OrderClosed, OrderFulfilled
from shop.orders.models import CloseReason, Order, OrderLine, OrderStatus
from shop.orders.rules import (
    Bought,
    Deal,
    LineWanted,
    SkuNotForSale,
    check_limits,
    check_lines,
    has_member_limits,
    promise,
    total_of,
)
from shop.payments import queries as payments_queries
from shop.payments import service as payments

# Into the table: nobody needs the objects of which the mapper would keep books.
_LINES: Final[Table] = inspect(OrderLine).local_table  # type: ignore[assignment] # a mapped class's is one
_INSERT_LINES: Final = insert(_LINES)


class NotCancellable(Conflict):
    """Only an order that waits for its payment can be cancelled."""

    code = "orders.not_cancellable"
    title = "The order can no longer be cancelled"
    message = "订单当前状态不可取消"


class Undeliverable(Conflict):
    """Not every unit of a paid order is reserved for it."""

    code = "orders.undeliverable"
    title = "Not everything in the order can be delivered"
    message = "订单暂时无法发货"


def place_order(
    session: Session,
    *,
    member_id: UUID,
    sale_channel: SaleChannel,
    wanted: Sequence[LineWanted],
    pay_within: timedelta,
    deal: Deal | None = None,
    is_member_locked: bool = False,
    now: datetime,
) -> Order:
    """Write an order and reserve its cards, all or nothing; a `deal` sets prices and stock.

    Raises `BadLines`, `SkuNotForSale`, `LimitReached`, `TotalTooLarge`, `cards.OutOfStock` or
    `members.MemberNotActive`. The member is locked, unless a caller who saw them active did it:
    two orders at once would each count without the other, and a closing account would own one.
    """
    check_lines(wanted)
    if not is_member_locked:
        members.lock_member(session, member_id)
    offers = _find_offers(session, wanted, sale_channel)
    _check_member_limits(session, member_id, wanted, offers, now=now)
    prices = {
        sku_id: sku.list_price_fen if deal is None else deal.prices[sku_id]
        for sku_id, (sku, _) in offers.items()
    }
    total = total_of([(prices[line.sku_id], line.quantity) for line in wanted])
    order = Order(
        id=new_id(),
        order_no=new_number("TO", now=now),
        member_id=member_id,
        sale_channel=sale_channel,
        status=OrderStatus.PENDING,
        total_fen=total,
        campaign_id=deal.campaign_id if deal else None,
        is_held=bool(deal and deal.is_held),
        placed_at=now,
        pay_by=now + pay_within,
        due_at=now + pay_within,
    )
    session.add(order)
    session.flush()  # the lines name the order
    lines = [
        _line_row(order, position, line, *offers[line.sku_id], prices[line.sku_id], deal)
        for position, line in enumerate(wanted)
    ]
    session.execute(_INSERT_LINES, lines)
    faultpoint("orders.place.before_reserve")
    _reserve(session, lines, deal, now=now)
    return order


def cancel_order(session: Session, order: Order, *, now: datetime) -> None:
    """End an unpaid order at its member's wish; raises `NotCancellable`.

    While a trade is open at the platform the order only becomes due: a sweep closes the trade
    first, because the member may be paying at this very moment.
    """
    if order.status is not OrderStatus.PENDING:
        raise NotCancellable(status=order.status.value)
    order.close_reason = CloseReason.CANCELLED
    order.due_at = now
    if payments_queries.find_open(session, order.id) is None:
        close_order(session, order, now=now)


def close_order(session: Session, order: Order, *, now: datetime) -> None:
    """End an unpaid order whose trades are closed: its cards are free again."""
    order.close_reason = order.close_reason or CloseReason.LAPSED
    order.closed_at = now
    move(session, order, OrderStatus.CLOSED, at=now, actor="orders")
    settle(order)
    cards.release(session, order_line_ids=_line_ids(session, order), now=now, actor="orders")
    emit(
        session,
        OrderClosed(str(order.id), str(order.member_id), order.close_reason.value),
        now=now,
    )


def fulfil(session: Session, order: Order, *, now: datetime) -> None:
    """Deliver everything reserved for a paid order; `Undeliverable` when units are missing."""
    lines = queries.list_lines(session, [order.id])
    delivered = cards.deliver(
        session,
        order_line_ids=[line.id for line in lines],
        member_id=order.member_id,
        now=now,
        actor="orders",
    )
    if delivered != sum(line.quantity for line in lines):
        raise Undeliverable(delivered=delivered)
    faultpoint("orders.fulfil.after_deliver")
    order.fulfilled_at = now
    move(session, order, OrderStatus.FULFILLED, at=now, actor="orders")
    settle(order)
    ledger.transfer(
        session,
        debit=Side(AccountKind.UNEARNED),
        credit=Side(AccountKind.SALES),
        # What a lower price gave back before the delivery is not earned any more.
        amount_fen=Fen(order.total_fen - sum(line.refunded_fen for line in lines)),
        cause=Cause("order", order.id, "earned"),
        order_id=order.id,
        now=now,
    )
    payments.queue_delivery_report(
        session,
        payments_queries.get_paying(session, order.id),
        member_id=order.member_id,
        item=str(lines[0].snapshot["sku_title"]),
        now=now,
    )
    emit(session, OrderFulfilled(str(order.id), str(order.member_id)), now=now)


def reassign(session: Session, *, from_member_id: UUID, into_member_id: UUID) -> None:
    """Give one member's orders and cards to the member they became part of."""
    for table in (Order, OrderLine):
        session.execute(
            update(table).where(table.member_id == from_member_id).values(member_id=into_member_id)
        )
    payments.reassign(session, from_member_id=from_member_id, into_member_id=into_member_id)
    cards.reassign(session, from_member_id=from_member_id, into_member_id=into_member_id)


def _find_offers(
    session: Session, wanted: Sequence[LineWanted], sale_channel: SaleChannel
) -> dict[UUID, tuple[Sku, Product]]:
    offers = catalog.list_skus_for_sale(
        session, [line.sku_id for line in wanted], sale_channel=sale_channel
    )
    found = {sku.id: (sku, product) for sku, product in offers}
    for line in wanted:
        if line.sku_id not in found:
            raise SkuNotForSale(sku_id=str(line.sku_id))
    return found


def _check_member_limits(
    session: Session,
    member_id: UUID,
    wanted: Sequence[LineWanted],
    offers: dict[UUID, tuple[Sku, Product]],
    *,
    now: datetime,
) -> None:
    skus = [(offers[line.sku_id][0], line.quantity) for line in wanted]
    for sku, quantity in skus:
        bought = (
            queries.count_bought(session, member_id, sku.id, now=now)
            if has_member_limits(sku)
            else Bought(today=0, ever=0)
        )
        check_limits(sku, quantity, bought)


def _reserve(
    session: Session, lines: Sequence[dict[str, Any]], deal: Deal | None, *, now: datetime
) -> None:
    # By SKU id, so that two orders for the same SKUs never wait for each other crosswise.
    for row in sorted(lines, key=lambda row: str(row["sku_id"])):
        cards.reserve(
            session,
            sku_id=row["sku_id"],
            order_line_id=row["id"],
            quantity=row["quantity"],
            allotted_to=deal.allotment_of(row["sku_id"]) if deal else None,
            now=now,
        )


def _line_row(
    order: Order,
    position: int,
    line: LineWanted,
    sku: Sku,
    product: Product,
    price: Fen,
    deal: Deal | None,
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "order_id": order.id,
        "position": position,
        "member_id": order.member_id,
        "sku_id": sku.id,
        "quantity": line.quantity,
        "unit_price_fen": price,
        "total_fen": price * line.quantity,
        "refunded_fen": 0,
        "refunded_quantity": 0,
        "dropped_fen": 0,
        "snapshot": promise(product, sku) | ({"sold_through": deal.name} if deal else {}),
    }


def _line_ids(session: Session, order: Order) -> list[UUID]:
    return [line.id for line in queries.list_lines(session, [order.id])]
