"""What the pages of the catalogue read: narrowed lists, prices and stock, campaigns of a SKU."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from kit.money import Fen
from kit.pages import Page, read_page
from shop.campaigns.models import Campaign, CampaignItem
from shop.campaigns.queries import UNDER_WAY
from shop.cards import counting
from shop.catalog import queries
from shop.catalog.models import Product, ProductStatus, Scenario, Sku
from shop.catalog.queries import ProductNotFound, SkuNotFound
from shop.catalog.rules import margin_of

PAGE: Final = 20
MOST_COUNTED: Final = 10_000  # cards of a SKU
MOST_CAMPAIGNS: Final = 20


@dataclass(frozen=True, slots=True)
class Choice:
    """What a list of products is narrowed by."""

    status: ProductStatus | None
    scenario: Scenario | None
    words: str
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Offer:
    """A SKU, what it earns on each unit at its list price, and how many may be sold."""

    sku: Sku
    margin_fen: int
    free: int


@dataclass(frozen=True, slots=True)
class Sale:
    """A campaign under way that sells a SKU, and what each unit earns at its price."""

    campaign: Campaign
    item: CampaignItem
    margin_fen: int


def list_chosen(session: Session, choice: Choice) -> Page[Product]:
    """Return a page of products, hidden ones too, newest first."""
    query = select(Product).where(*_chosen(choice))
    if choice.status is not None:
        query = query.where(Product.status == choice.status)
    return read_page(session, query, Product.id, cursor=choice.cursor, limit=PAGE)


def count_chosen(session: Session, choice: Choice) -> Mapping[ProductStatus, int]:
    """Return how many of the chosen products have each status."""
    query = select(Product.status, func.count()).where(*_chosen(choice)).group_by(Product.status)
    return {status: int(count) for status, count in session.execute(query)}


def get_any(session: Session, product_id: UUID) -> Product:
    """Return the product, hidden ones too; raises `ProductNotFound`."""
    product = session.get(Product, product_id)
    if product is None:
        raise ProductNotFound
    return product


def get_sku(session: Session, sku_id: UUID) -> tuple[Sku, Product]:
    """Return the SKU and its product; raises `SkuNotFound`."""
    sku = session.get(Sku, sku_id)
    if sku is None:
        raise SkuNotFound
    return sku, session.get_one(Product, sku.product_id)


def list_offers(
    session: Session, product_ids: Sequence[UUID], *, fee_basis_points: int, now: datetime
) -> Mapping[UUID, list[Offer]]:
    """Return product id → its SKUs, cheapest first."""
    skus = queries.list_skus(session, product_ids)
    found: dict[UUID, list[Offer]] = {product_id: [] for product_id in product_ids}
    for offer in read_offers(session, skus, fee_basis_points=fee_basis_points, now=now):
        found[offer.sku.product_id].append(offer)
    return found


def read_offers(
    session: Session, skus: Sequence[Sku], *, fee_basis_points: int, now: datetime
) -> list[Offer]:
    """Return what the SKUs earn and have in stock, counted up to `MOST_COUNTED`."""
    ids = [sku.id for sku in skus]
    free = counting.count_free_up_to(session, ids, most=MOST_COUNTED + 1, now=now)
    return [
        Offer(
            sku,
            margin_of(sku.list_price_fen, sku.cost_fen, fee_basis_points=fee_basis_points),
            free.get(sku.id, 0),
        )
        for sku in skus
    ]


def list_sales(session: Session, skus: Sequence[Sku], *, fee_basis_points: int) -> Sequence[Sale]:
    """Return the campaigns under way that sell one of the SKUs, those that end soonest first."""
    costs: Mapping[UUID, Fen] = {sku.id: sku.cost_fen for sku in skus}
    rows = session.execute(
        select(Campaign, CampaignItem)
        .join(CampaignItem, CampaignItem.campaign_id == Campaign.id)
        .where(CampaignItem.sku_id.in_(costs), Campaign.status.in_(UNDER_WAY))
        .order_by(Campaign.ends_at, Campaign.id)
        .limit(MOST_CAMPAIGNS)
    )
    return [
        Sale(
            campaign,
            item,
            margin_of(item.deal_price_fen, costs[item.sku_id], fee_basis_points=fee_basis_points),
        )
        for campaign, item in rows
    ]


def find_products(session: Session, words: str, *, limit: int) -> Sequence[Product]:
    """Return products whose title or brand holds these words, newest first."""
    choice = Choice(None, None, words, None)
    return session.scalars(
        select(Product).where(*_chosen(choice)).order_by(Product.id.desc()).limit(limit)
    ).all()


def _chosen(choice: Choice) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if choice.scenario is not None:
        conditions.append(Product.scenario == choice.scenario)
    if choice.words:
        coded = select(Sku.product_id).where(Sku.code.icontains(choice.words, autoescape=True))
        conditions.append(
            or_(
                Product.title.icontains(choice.words, autoescape=True),
                Product.brand.icontains(choice.words, autoescape=True),
                Product.id.in_(coded),
            )
        )
    return conditions
