"""Orders of a crowd: many members each buy the same SKU, placed together by a few statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Table, inspect
from sqlalchemy.orm import Session

from kit.errors import DomainError
from kit.faultpoints import faultpoint
from kit.ids import new_id, new_number
from kit.money import Fen
from kit.rows import inserting
from shop.cards import crowds as cards
from shop.cards.service import OutOfStock
from shop.catalog.models import Product, SaleChannel, Sku
from shop.orders import queries
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.orders.rules import (
    Bought,
    SkuNotForSale,
    check_limits,
    has_member_limits,
    promise,
    total_of,
)


@dataclass(frozen=True, slots=True)
class CrowdDeal:
    """What is sold to everybody: a SKU of a campaign, its price in fen, from which allotment."""

    sku: Sku
    product: Product
    price_fen: Fen
    campaign_id: UUID
    campaign_name: str
    allotted_to: UUID
    pay_within: timedelta


@dataclass(frozen=True, slots=True)
class Buyer:
    """A member whose lock the caller holds, and how many units they want."""

    member_id: UUID
    sale_channel: SaleChannel
    quantity: int


@dataclass(frozen=True, slots=True)
class Placed:
    """An order that was written, with its one line."""

    order_id: UUID
    order_no: str
    line_id: UUID
    member_id: UUID
    sale_channel: SaleChannel
    quantity: int
    total_fen: Fen
    placed_at: datetime
    pay_by: datetime


def place_many(
    session: Session, deal: CrowdDeal, buyers: Sequence[Buyer], *, now: datetime
) -> list[Placed | DomainError]:
    """Write an order of one line for each buyer, first come first served; or why not.

    A refusal is `SkuNotForSale`, `LimitReached`, `TotalTooLarge` or `OutOfStock`, and stops
    nobody else. A late payment of these orders goes back: somebody else waits for the unit.
    """
    results: list[Placed | DomainError] = [
        _check(session, deal, buyer, now=now) or _draft(deal, buyer, now=now) for buyer in buyers
    ]
    wanted = sum(one.quantity for one in results if isinstance(one, Placed))
    picked = (
        cards.pick(session, deal.sku.id, allotted_to=deal.allotted_to, quantity=wanted, now=now)
        if wanted
        else ()
    )
    left = len(picked)
    for place, one in enumerate(results):
        if isinstance(one, Placed):
            if one.quantity > left:
                results[place] = OutOfStock(sku_id=str(deal.sku.id))
            else:
                left -= one.quantity
    placed = [one for one in results if isinstance(one, Placed)]
    if placed:
        _write(session, deal, placed, picked[: len(picked) - left], now=now)
    return results


def _check(session: Session, deal: CrowdDeal, buyer: Buyer, *, now: datetime) -> DomainError | None:
    try:
        if not deal.sku.on_sale.get(buyer.sale_channel.value, False):
            raise SkuNotForSale(sku_id=str(deal.sku.id))
        bought = (
            queries.count_bought(session, buyer.member_id, deal.sku.id, now=now)
            if has_member_limits(deal.sku)
            else Bought(today=0, ever=0)
        )
        check_limits(deal.sku, buyer.quantity, bought)
        total_of([(deal.price_fen, buyer.quantity)])
    except DomainError as refusal:
        return refusal
    return None


def _draft(deal: CrowdDeal, buyer: Buyer, *, now: datetime) -> Placed:
    return Placed(
        order_id=new_id(),
        order_no=new_number("TO", now=now),
        line_id=new_id(),
        member_id=buyer.member_id,
        sale_channel=buyer.sale_channel,
        quantity=buyer.quantity,
        total_fen=Fen(deal.price_fen * buyer.quantity),
        placed_at=now,
        pay_by=now + deal.pay_within,
    )


def _write(
    session: Session,
    deal: CrowdDeal,
    placed: Sequence[Placed],
    card_ids: Sequence[UUID],
    *,
    now: datetime,
) -> None:
    order_ids = [one.order_id for one in placed]
    members = [one.member_id for one in placed]
    totals = [one.total_fen for one in placed]
    shared: dict[str, Any] = {
        "all_status": OrderStatus.PENDING,
        "all_campaign_id": deal.campaign_id,
        "all_is_held": False,
        "all_is_revivable": False,
        "all_version": 1,
        "all_attempts": 0,
        "all_placed_at": now,
        "all_pay_by": now + deal.pay_within,
        "all_due_at": now + deal.pay_within,
    }
    each = {
        "row_id": order_ids,
        "row_order_no": [one.order_no for one in placed],
        "row_member_id": members,
        "row_sale_channel": [one.sale_channel.value for one in placed],
        "row_total_fen": totals,
    }
    session.execute(_INSERT_ORDERS, shared | each)
    shared = {
        "all_position": 0,
        "all_sku_id": deal.sku.id,
        "all_unit_price_fen": deal.price_fen,
        "all_refunded_fen": 0,
        "all_refunded_quantity": 0,
        "all_dropped_fen": 0,
        "all_snapshot": promise(deal.product, deal.sku) | {"sold_through": deal.campaign_name},
    }
    each = {
        "row_id": [one.line_id for one in placed],
        "row_order_id": order_ids,
        "row_member_id": members,
        "row_quantity": [one.quantity for one in placed],
        "row_total_fen": totals,
    }
    session.execute(_INSERT_LINES, shared | each)
    faultpoint("orders.crowds.before_reserve")
    units = [one.line_id for one in placed for _ in range(one.quantity)]
    cards.reserve_picked(session, card_ids, units, now=now)


# Mapped classes have tables; the statements are built once.
_ORDERS: Final[Table] = inspect(Order).local_table  # type: ignore[assignment]
_LINES: Final[Table] = inspect(OrderLine).local_table  # type: ignore[assignment]
_INSERT_ORDERS: Final = inserting(
    _ORDERS,
    each=("id", "order_no", "member_id", "sale_channel", "total_fen"),
    same=(
        "status",
        "campaign_id",
        "is_held",
        "is_revivable",
        "version",
        "attempts",
        "placed_at",
        "pay_by",
        "due_at",
    ),
)
_INSERT_LINES: Final = inserting(
    _LINES,
    each=("id", "order_id", "member_id", "quantity", "total_fen"),
    same=(
        "position",
        "sku_id",
        "unit_price_fen",
        "refunded_fen",
        "refunded_quantity",
        "dropped_fen",
        "snapshot",
    ),
)
