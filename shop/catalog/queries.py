"""Reading the catalogue: what members see, and what may be sold where."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from kit.errors import NotFound
from kit.pages import Page, read_page
from shop.catalog.models import Product, ProductStatus, SaleChannel, Scenario, Sku

# Built once, since every order asks it.
_OFFERS: Final = (
    select(Sku, Product)
    .join(Product, Product.id == Sku.product_id)
    .where(Sku.id.in_(bindparam("skus", expanding=True)), Product.status == ProductStatus.PUBLISHED)
)


class ProductNotFound(NotFound):
    """There is no such product, or it is not published."""

    code = "catalog.product_not_found"
    title = "Product not found"
    message = "没有找到该商品"


class SkuNotFound(NotFound):
    """There is no such SKU."""

    code = "catalog.sku_not_found"
    title = "SKU not found"
    message = "没有找到该规格"


def get_product(session: Session, product_id: UUID) -> Product:
    """Return a published product; raises `ProductNotFound`."""
    product = session.get(Product, product_id)
    if product is None or product.status is not ProductStatus.PUBLISHED:
        raise ProductNotFound
    return product


def list_products(
    session: Session,
    *,
    scenario: Scenario | None = None,
    cursor: str | None = None,
    limit: int = 20,
) -> Page[Product]:
    """Return a page of published products, newest first."""
    query = select(Product).where(Product.status == ProductStatus.PUBLISHED)
    if scenario is not None:
        query = query.where(Product.scenario == scenario)
    return read_page(session, query, Product.id, cursor=cursor, limit=limit)


def list_skus(session: Session, product_ids: Sequence[UUID]) -> Sequence[Sku]:
    """Return the SKUs of the products, cheapest first."""
    return session.scalars(
        select(Sku).where(Sku.product_id.in_(product_ids)).order_by(Sku.list_price_fen, Sku.id)
    ).all()


def list_skus_for_sale(
    session: Session, sku_ids: Sequence[UUID], *, sale_channel: SaleChannel
) -> Sequence[tuple[Sku, Product]]:
    """Return those of the SKUs that are published and sold through the channel."""
    rows = list_published_skus(session, sku_ids)
    return [(sku, product) for sku, product in rows if sku.on_sale.get(sale_channel.value, False)]


def list_published_skus(session: Session, sku_ids: Sequence[UUID]) -> Sequence[tuple[Sku, Product]]:
    """Return those of the SKUs that are published, wherever they are sold."""
    return [(sku, product) for sku, product in session.execute(_OFFERS, {"skus": sku_ids})]


def find_sku_by_code(session: Session, code: str) -> Sku | None:
    """Return the SKU that operators know under `code`, or None."""
    return session.scalars(select(Sku).where(Sku.code == code)).one_or_none()


def find_sku(session: Session, code_or_id: str) -> Sku | None:
    """Return the SKU that an operator names by its code or its id, or None."""
    found = find_sku_by_code(session, code_or_id)
    if found is not None:
        return found
    try:
        return session.get(Sku, UUID(code_or_id))
    except ValueError:
        return None
