"""Changing the catalogue: products, the SKUs in which they are sold, and where each is sold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from kit.errors import Conflict, Malformed
from kit.ids import new_id
from kit.lifecycle import move
from kit.money import Fen
from shop.catalog import queries
from shop.catalog.models import (
    Product,
    ProductStatus,
    RefundRule,
    SaleChannel,
    Scenario,
    Sku,
    SkuKind,
)

EVERYWHERE: Final = dict.fromkeys(SaleChannel, True)


class SkuCodeTaken(Conflict):
    """Another SKU has this code."""

    code = "catalog.sku_code_taken"
    title = "The SKU code is taken"
    message = "该 SKU 编码已被使用"


class BadBand(Malformed):
    """The lowest price is above the highest, or below what the SKU costs; `reason` says which."""

    code = "catalog.bad_band"
    title = "The price band makes no sense"
    message = "帮卖价格区间有误"


@dataclass(frozen=True, slots=True, kw_only=True)
class SkuTerms:
    """What a SKU promises and costs; amounts in fen, limits in units (None: no limit)."""

    face_value_fen: Fen
    list_price_fen: Fen
    cost_fen: Fen
    limit_per_order: int = 10
    limit_per_day: int | None = None
    limit_ever: int | None = None
    refund_rule: RefundRule = RefundRule.UNTIL_REVEALED
    warranty_days: int = 30


def add_product(
    session: Session,
    *,
    title: str,
    brand: str,
    scenario: Scenario,
    pictures: Sequence[str] = (),
    purchase_notes: str = "",
    now: datetime,
) -> Product:
    """Write down a product, not shown to anybody yet."""
    product = Product(
        id=new_id(),
        status=ProductStatus.DRAFT,
        title=title,
        brand=brand,
        scenario=scenario,
        pictures=list(pictures),
        purchase_notes=purchase_notes,
        created_at=now,
    )
    session.add(product)
    session.flush()  # SKUs name the product
    return product


def add_sku(
    session: Session,
    product: Product,
    *,
    code: str,
    title: str,
    kind: SkuKind,
    terms: SkuTerms,
    on_sale: Mapping[SaleChannel, bool] = EVERYWHERE,
    now: datetime,
) -> Sku:
    """Write down a form in which the product is sold; raises `SkuCodeTaken`."""
    if queries.find_sku_by_code(session, code) is not None:
        raise SkuCodeTaken
    sku = Sku(
        id=new_id(),
        product_id=product.id,
        kind=kind,
        code=code,
        title=title,
        face_value_fen=terms.face_value_fen,
        list_price_fen=terms.list_price_fen,
        cost_fen=terms.cost_fen,
        limit_per_order=terms.limit_per_order,
        limit_per_day=terms.limit_per_day,
        limit_ever=terms.limit_ever,
        refund_rule=terms.refund_rule,
        warranty_days=terms.warranty_days,
        on_sale={channel.value: on_sale.get(channel, False) for channel in SaleChannel},
        created_at=now,
    )
    session.add(sku)
    session.flush()  # batches name the SKU
    return sku


def publish_product(session: Session, product_id: UUID, *, actor: str, now: datetime) -> None:
    """Show a product to members; raises `ProductNotFound` or `IllegalMove`."""
    product = _lock_product(session, product_id)
    move(session, product, ProductStatus.PUBLISHED, at=now, actor=actor)


def withdraw_product(session: Session, product_id: UUID, *, actor: str, now: datetime) -> None:
    """Hide a product; orders keep what was promised. `ProductNotFound` or `IllegalMove`."""
    product = _lock_product(session, product_id)
    move(session, product, ProductStatus.WITHDRAWN, at=now, actor=actor)


def allow_help_sell(session: Session, sku: Sku, *, min_fen: Fen, max_fen: Fen) -> None:
    """Let leaders sell the SKU at prices of their own within a band, in fen; raises `BadBand`.

    Sheets that are open keep the prices they were opened with.
    """
    if not 0 < min_fen <= max_fen:
        raise BadBand(reason="the lowest price is not above nothing and up to the highest")
    if min_fen < sku.cost_fen:
        raise BadBand(reason="the lowest price is below the cost")
    sku.help_sell_min_fen = min_fen
    sku.help_sell_max_fen = max_fen
    session.flush()  # the constraint has the last word


def stop_help_sell(session: Session, sku: Sku) -> None:
    """Let leaders open no more sheets with the SKU; open ones go on."""
    sku.help_sell_min_fen = sku.help_sell_max_fen = None
    session.flush()  # what follows reads the SKU


def _lock_product(session: Session, product_id: UUID) -> Product:
    product = session.get(Product, product_id, with_for_update=True, populate_existing=True)
    if product is None:
        raise queries.ProductNotFound
    return product
