"""The dry run: what publishing a campaign would need, cost at worst, and collide with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from kit.money import Fen, share_of
from shop.campaigns import queries
from shop.campaigns.models import Campaign, CampaignItem
from shop.campaigns.rules import Window
from shop.cards import queries as cards
from shop.catalog.models import Product, ProductStatus, Sku
from shop.catalog.rules import margin_of


@dataclass(frozen=True, slots=True)
class ItemForecast:
    """What one item needs and, per unit at the lowest price it may sell at, earns; in fen."""

    sku_id: UUID
    title: str
    codes_needed: int
    codes_free: int
    list_price_fen: Fen
    deal_price_fen: Fen
    lowest_price_fen: Fen
    cost_fen: Fen
    fee_fen: Fen
    margin_fen: int  # negative: each unit at the lowest price is sold at a loss
    worst_case_subsidy_fen: int

    @property
    def codes_short(self) -> int:
        """Return how many codes are missing."""
        return max(self.codes_needed - self.codes_free, 0)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Another campaign that sells the same SKU in part of the same time."""

    campaign_id: UUID
    name: str
    sku_id: UUID
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to think about before publishing: a stable code, and words."""

    code: str
    detail: str


# What the units of an item may go for at least, by the terms of the way of selling.
LowestPriceOf = Callable[[Session, CampaignItem], Fen]


@dataclass(frozen=True, slots=True)
class DryRun:
    """Everything that publishing would mean; publishing is refused while `blockers` stand."""

    items: Sequence[ItemForecast]
    overlaps: Sequence[Overlap]
    warnings: Sequence[Finding]
    blockers: Sequence[Finding]
    worst_case_subsidy_fen: int
    needs_approval: bool


def dry_run(
    session: Session,
    campaign: Campaign,
    *,
    lowest_price_of: LowestPriceOf,
    fee_basis_points: int,
    now: datetime,
) -> DryRun:
    """Forecast a campaign at the prices that its way of selling may go down to.

    Of each price a payment platform keeps `fee_basis_points`.
    """
    items = queries.list_items(session, [campaign.id])[campaign.id]
    prices = {item.id: lowest_price_of(session, item) for item in items}
    offers = _find_offers(session, items)
    free = cards.count_free(session, [item.sku_id for item in items], now=now)
    forecasts = [
        _forecast(
            item,
            offers[item.sku_id][0],
            free.get(item.sku_id, 0),
            lowest_price=prices[item.id],
            fee_basis_points=fee_basis_points,
        )
        for item in items
    ]
    window = Window(campaign.starts_at, campaign.ends_at, campaign.warms_at)
    overlaps = [
        Overlap(other.id, other.name, item.sku_id, other.starts_at, other.ends_at)
        for item, other in queries.list_overlaps(
            session, [item.sku_id for item in items], window, other_than=campaign.id
        )
    ]
    return DryRun(
        items=forecasts,
        overlaps=overlaps,
        warnings=[*_warn(campaign, forecasts, now=now), *_warn_of_overlaps(overlaps)],
        blockers=_block(campaign, forecasts, offers, now=now),
        worst_case_subsidy_fen=sum(item.worst_case_subsidy_fen for item in forecasts),
        needs_approval=any(item.margin_fen < 0 for item in forecasts),
    )


def _find_offers(
    session: Session, items: Sequence[CampaignItem]
) -> dict[UUID, tuple[Sku, Product]]:
    rows = session.execute(
        select(Sku, Product)
        .join(Product, Product.id == Sku.product_id)
        .where(Sku.id.in_([item.sku_id for item in items]))
    )
    return {sku.id: (sku, product) for sku, product in rows}


def _forecast(
    item: CampaignItem, sku: Sku, free: int, *, lowest_price: Fen, fee_basis_points: int
) -> ItemForecast:
    margin = margin_of(lowest_price, sku.cost_fen, fee_basis_points=fee_basis_points)
    return ItemForecast(
        sku_id=sku.id,
        title=sku.title,
        codes_needed=item.allotment,
        codes_free=free,
        list_price_fen=sku.list_price_fen,
        deal_price_fen=item.deal_price_fen,
        lowest_price_fen=lowest_price,
        cost_fen=sku.cost_fen,
        fee_fen=share_of(lowest_price, basis_points=fee_basis_points),
        margin_fen=margin,
        worst_case_subsidy_fen=max(-margin, 0) * item.allotment,
    )


def _warn(campaign: Campaign, forecasts: Sequence[ItemForecast], *, now: datetime) -> list[Finding]:
    found = [
        Finding("below_cost", f"{item.title}: {-item.margin_fen} fen lost on each unit at worst")
        for item in forecasts
        if item.margin_fen < 0
    ]
    found += [
        Finding("no_deal", f"{item.title}: the deal price is not below the list price")
        for item in forecasts
        if item.deal_price_fen >= item.list_price_fen
    ]
    if campaign.starts_at <= now:
        found.append(Finding("opens_at_once", "its window has begun: it opens when published"))
    if campaign.warms_at is not None and campaign.warms_at <= now < campaign.starts_at:
        found.append(Finding("warms_at_once", "its warm-up has begun"))
    if not campaign.rules_text.strip():
        found.append(Finding("no_rules", "members will see no rules"))
    return found


def _warn_of_overlaps(overlaps: Sequence[Overlap]) -> list[Finding]:
    return [
        Finding("overlap", f"{other.name} sells the same SKU until {other.ends_at.isoformat()}")
        for other in overlaps
    ]


def _block(
    campaign: Campaign,
    forecasts: Sequence[ItemForecast],
    offers: Mapping[UUID, tuple[Sku, Product]],
    *,
    now: datetime,
) -> list[Finding]:
    found = [
        Finding("codes_short", f"{item.title}: {item.codes_short} codes are missing")
        for item in forecasts
        if item.codes_short
    ]
    found += [
        Finding("not_published", f"{product.title} is not published")
        for _, product in offers.values()
        if product.status is not ProductStatus.PUBLISHED
    ]
    if campaign.ends_at <= now:
        found.append(Finding("over", "its window is over"))
    return found
