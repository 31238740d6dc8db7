"""Turning rows of the catalogue into what members see: named fields, never cost or supplier."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from miniprogram_api.schemas.products import CanBuyOut, ProductOut, SkuOut
from shop.cards import counting
from shop.catalog import queries as catalog
from shop.catalog.models import Product, SaleChannel, Sku

MOST_COUNTED: Final = 1_000  # nobody buys more at once, and a SKU may have a million cards


def view_products(
    session: Session, products: Sequence[Product], *, channel: SaleChannel, now: datetime
) -> list[ProductOut]:
    """Return the products with their SKUs, and whether each may be ordered through `channel`."""
    skus: dict[UUID, list[Sku]] = defaultdict(list)
    listed = catalog.list_skus(session, [product.id for product in products])
    for sku in listed:
        skus[sku.product_id].append(sku)
    stock = counting.count_free_up_to(
        session, [sku.id for sku in listed], most=MOST_COUNTED, now=now
    )
    return [
        _view_product(product, skus[product.id], stock=stock, channel=channel)
        for product in products
    ]


def _view_product(
    product: Product, skus: Sequence[Sku], *, stock: Mapping[UUID, int], channel: SaleChannel
) -> ProductOut:
    return ProductOut(
        id=product.id,
        title=product.title,
        brand=product.brand,
        scenario=product.scenario,
        pictures=product.pictures,
        purchase_notes=product.purchase_notes,
        from_price_fen=min((sku.list_price_fen for sku in skus), default=None),
        skus=[_view_sku(sku, stock.get(sku.id, 0), channel=channel) for sku in skus],
    )


def _view_sku(sku: Sku, stock_left: int, *, channel: SaleChannel) -> SkuOut:
    return SkuOut(
        id=sku.id,
        title=sku.title,
        kind=sku.kind,
        face_value_fen=sku.face_value_fen,
        list_price_fen=sku.list_price_fen,
        limit_per_order=sku.limit_per_order,
        limit_per_day=sku.limit_per_day,
        limit_ever=sku.limit_ever,
        refund_rule=sku.refund_rule,
        warranty_days=sku.warranty_days,
        stock_left=stock_left,
        can_buy=_can_buy(sku, stock_left, channel),
    )


def _can_buy(sku: Sku, stock_left: int, channel: SaleChannel) -> CanBuyOut:
    reason = None
    if not sku.on_sale.get(channel.value, False):
        reason = "not_sold_here"
    elif stock_left == 0:
        reason = "sold_out"
    return CanBuyOut(ok=reason is None, reason=reason)
