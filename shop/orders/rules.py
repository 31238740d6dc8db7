"""Pure rules of orders: what may be ordered, until when refunds are due, what goes back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kit.errors import Conflict, Malformed
from kit.money import MOST_FEN, Fen
from shop.catalog.models import Product, RefundRule, Sku

MOST_LINES = 20
MOST_QUANTITY = 100


class BadLines(Malformed):
    """The lines are empty, too many, repeat a SKU or have an impossible quantity."""

    code = "orders.bad_lines"
    title = "The order lines make no sense"
    message = "订单内容有误"


class SkuNotForSale(Conflict):
    """A SKU does not exist, is not published, or is not sold here."""

    code = "orders.sku_not_for_sale"
    title = "Not for sale"
    message = "该商品暂不可购买"


class LimitReached(Conflict):
    """The member's limit for a SKU would be passed."""

    code = "orders.limit_reached"
    title = "The purchase limit is reached"
    message = "已达到购买上限"


class TotalTooLarge(Conflict):
    """The order is worth more than a platform takes."""

    code = "orders.total_too_large"
    title = "The total is too large"
    message = "订单金额过大"


@dataclass(frozen=True, slots=True)
class LineWanted:
    """What a member asks for: units of one SKU."""

    sku_id: UUID
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """What its seller sets for an order: prices in fen, stock set aside, by SKU, and waiting."""

    name: str
    prices: Mapping[UUID, Fen]
    campaign_id: UUID | None = None  # None: sold without a campaign
    allotments: Mapping[UUID, UUID] | None = None  # None: from the stock that is everybody's
    is_held: bool = False

    def allotment_of(self, sku_id: UUID) -> UUID | None:
        """Return what a SKU's units are taken from; None: from everybody's stock."""
        return None if self.allotments is None else self.allotments[sku_id]


@dataclass(frozen=True, slots=True)
class Bought:
    """Units of a SKU the member has ordered already and not given back: today, and ever."""

    today: int
    ever: int


def check_lines(wanted: Sequence[LineWanted]) -> None:
    """Raise `BadLines` unless the lines could be an order."""
    if not 1 <= len(wanted) <= MOST_LINES:
        raise BadLines(most_lines=MOST_LINES)
    if len({line.sku_id for line in wanted}) != len(wanted):
        raise BadLines(reason="a SKU stands in two lines")
    if any(not 1 <= line.quantity <= MOST_QUANTITY for line in wanted):
        raise BadLines(most_quantity=MOST_QUANTITY)


def has_member_limits(sku: Sku) -> bool:
    """Say whether earlier orders of the member matter for this SKU."""
    return sku.limit_per_day is not None or sku.limit_ever is not None


def check_limits(sku: Sku, quantity: int, bought: Bought) -> None:
    """Raise `LimitReached` when `quantity` more would pass the order, day or lifetime limit."""
    checks = (
        ("order", sku.limit_per_order, 0),
        ("day", sku.limit_per_day, bought.today),
        ("ever", sku.limit_ever, bought.ever),
    )
    for window, limit, before in checks:
        if limit is not None and before + quantity > limit:
            raise LimitReached(
                sku_id=str(sku.id), window=window, limit=limit, left=max(limit - before, 0)
            )


def total_of(prices: Sequence[tuple[Fen, int]]) -> Fen:
    """Return the sum of unit price × quantity; raises `TotalTooLarge`."""
    total = sum(price * quantity for price, quantity in prices)
    if total > MOST_FEN:
        raise TotalTooLarge(most_fen=MOST_FEN)
    return Fen(total)


def promise(product: Product, sku: Sku) -> dict[str, Any]:
    """Return the snapshot of everything promised for a line, as JSON."""
    return {
        "product_id": str(product.id),
        "product_title": product.title,
        "brand": product.brand,
        "picture": product.pictures[0] if product.pictures else None,
        "purchase_notes": product.purchase_notes,
        "sku_title": sku.title,
        "sku_code": sku.code,
        "kind": sku.kind.value,
        "face_value_fen": sku.face_value_fen,
        "list_price_fen": sku.list_price_fen,
        "cost_fen": sku.cost_fen,
        "refund_rule": sku.refund_rule.value,
        "warranty_days": sku.warranty_days,
    }


def refund_rule_of(snapshot: Mapping[str, Any]) -> RefundRule:
    """Return the refund rule that was promised."""
    return RefundRule(snapshot["refund_rule"])


def allows_return(rule: RefundRule, *, is_delivered: bool) -> bool:
    """Say whether a line may be given back at all; revealed cards are left out card by card."""
    return rule is not RefundRule.NEVER or not is_delivered
