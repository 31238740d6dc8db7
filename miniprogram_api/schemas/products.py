"""The catalogue as members see it: no cost, no supplier."""

from uuid import UUID

from pydantic import Field

from miniprogram_api.schemas.answers import Fen, Given, PageQuery, PageRead, Read
from shop.catalog.models import RefundRule, Scenario, SkuKind


class CanBuyOut(Given):
    """Whether a unit may be ordered here and now, or a stable word for why not."""

    ok: bool
    reason: str | None = Field(
        description="`sold_out` or `not_sold_here`; null when it may be ordered."
    )


class SkuOut(Given):
    """One sellable form of a product."""

    id: UUID
    title: str
    kind: SkuKind
    face_value_fen: Fen
    list_price_fen: Fen
    limit_per_order: int
    limit_per_day: int | None
    limit_ever: int | None
    refund_rule: RefundRule
    warranty_days: int
    stock_left: int = Field(description="Units that may be ordered now, counted up to 1,000.")
    can_buy: CanBuyOut


class ProductOut(Given):
    """A product and the SKUs in which it is sold."""

    id: UUID
    title: str
    brand: str
    scenario: Scenario
    pictures: list[str]
    purchase_notes: str
    from_price_fen: Fen | None = Field(description="The lowest price of its SKUs, in fen.")
    skus: list[SkuOut]


class ProductRead(ProductOut, Read):
    """One product."""


class ProductQuery(PageQuery):
    """Which products."""

    scenario: Scenario | None = None


class ProductPage(PageRead):
    """A page of products, newest first."""

    items: list[ProductOut]
