"""Turning rows of campaigns into what members see: what is sold, how much is left, may I buy."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from flash_sale.models import FlashTerms
from flash_sale.rules import draw_commitment, opens_at
from group_buy.models import GroupTerms
from group_buy.rules import ladder_of
from miniprogram_api.claims_address import claims_url
from miniprogram_api.schemas.campaigns import (
    CampaignItemOut,
    CampaignOut,
    FlashTermsOut,
    GroupTermsOut,
    RungOut,
)
from miniprogram_api.schemas.products import CanBuyOut
from shop.campaigns import queries as campaigns
from shop.campaigns.models import Campaign, CampaignItem
from shop.campaigns.rules import Phase, phase_of
from shop.cards import allotments
from shop.catalog.models import Product, Sku

LONGEST_POLL_MS: Final = 30_000
SHORTEST_POLL_MS: Final = 1_000
LIVE_POLL_MS: Final = 3_000

_REFUSED: Final = {
    Phase.UPCOMING: "not_started",
    Phase.WARMING: "not_started",
    Phase.PAUSED: "paused",
    Phase.OVER: "ended",
}


def view_campaigns(
    session: Session, found: Sequence[Campaign], *, now: datetime
) -> list[CampaignOut]:
    """Return the campaigns with their items and terms."""
    ids = [campaign.id for campaign in found]
    items = campaigns.list_items(session, ids)
    every = [item for listed in items.values() for item in listed]
    offers = _find_offers(session, every)
    stock = allotments.count_left(session, [item.id for item in every], now=now)
    terms = {
        row.campaign_id: row
        for row in session.scalars(select(GroupTerms).where(GroupTerms.campaign_id.in_(ids)))
    }
    flash = {
        row.campaign_id: row
        for row in session.scalars(select(FlashTerms).where(FlashTerms.campaign_id.in_(ids)))
    }
    return [
        _view(
            campaign,
            [_view_item(item, *offers[item.sku_id], stock) for item in items[campaign.id]],
            terms.get(campaign.id),
            flash.get(campaign.id),
            now=now,
        )
        for campaign in found
    ]


def poll_after(campaign: CampaignOut, *, now: datetime) -> int | None:
    """Return when something new may be seen, in milliseconds; None when nothing comes any more."""
    if campaign.phase is Phase.OVER:
        return None
    if campaign.phase is Phase.LIVE:
        return LIVE_POLL_MS
    until = min(
        at for at in (campaign.warms_at, campaign.starts_at, campaign.ends_at) if at and at > now
    )
    milliseconds = int((until - now).total_seconds() * 1000)
    return max(SHORTEST_POLL_MS, min(milliseconds, LONGEST_POLL_MS))


def _find_offers(
    session: Session, items: Sequence[CampaignItem]
) -> dict[UUID, tuple[Sku, Product]]:
    rows = session.execute(
        select(Sku, Product)
        .join(Product, Product.id == Sku.product_id)
        .where(Sku.id.in_({item.sku_id for item in items}))
    )
    return {sku.id: (sku, product) for sku, product in rows}


def _view_item(
    item: CampaignItem, sku: Sku, product: Product, stock: Mapping[UUID, int]
) -> CampaignItemOut:
    return CampaignItemOut(
        sku_id=sku.id,
        product_id=product.id,
        product_title=product.title,
        sku_title=sku.title,
        picture=product.pictures[0] if product.pictures else None,
        face_value_fen=sku.face_value_fen,
        list_price_fen=sku.list_price_fen,
        price_fen=item.deal_price_fen,
        stock_left=stock.get(item.id, 0),
    )


def _view(
    campaign: Campaign,
    items: list[CampaignItemOut],
    terms: GroupTerms | None,
    flash: FlashTerms | None,
    *,
    now: datetime,
) -> CampaignOut:
    phase = phase_of(campaign, now=now)
    left = sum(item.stock_left for item in items)
    reason = _REFUSED.get(phase) or ("sold_out" if left == 0 else None)
    return CampaignOut(
        id=campaign.id,
        kind=campaign.kind,
        status=campaign.status,
        phase=phase,
        name=campaign.name,
        rules_text=campaign.rules_text,
        refund_promise=campaign.refund_promise,
        audience=campaign.audience,
        limit_per_member=campaign.limit_per_member,
        warms_at=campaign.warms_at,
        starts_at=campaign.starts_at,
        ends_at=campaign.ends_at,
        pause_reason=campaign.pause_reason if phase is Phase.PAUSED else None,
        price_fen=min(item.price_fen for item in items),
        stock_left=left,
        can_buy=CanBuyOut(ok=reason is None, reason=reason),
        items=items,
        group_terms=None if terms is None else _view_terms(terms),
        flash_terms=None if flash is None else _view_flash_terms(campaign, flash),
    )


def _view_flash_terms(campaign: Campaign, terms: FlashTerms) -> FlashTermsOut:
    has_early = terms.early_units > 0
    promised = None if terms.draw_seed is None else draw_commitment(terms.draw_seed)
    return FlashTermsOut(
        mode=terms.mode,
        claims_url=claims_url(campaign.id),
        offer_seconds=terms.offer_seconds,
        early_starts_at=opens_at(campaign, terms, is_early=True) if has_early else None,
        early_units=terms.early_units,
        early_orders=terms.early_orders if has_early else None,
        draw_commitment=None if promised is None else base64.b64encode(promised).decode(),
    )


def _view_terms(terms: GroupTerms) -> GroupTermsOut:
    return GroupTermsOut(
        seats_required=terms.seats_required,
        seats_max=terms.seats_max,
        ladder=[RungOut(seats=rung.seats, price_fen=rung.price_fen) for rung in ladder_of(terms)],
        initiator_price_fen=terms.initiator_price_fen,
        lasts_seconds=terms.lasts_seconds,
        new_members_only=terms.new_members_only,
        groups_per_member=terms.groups_per_member,
        seats_per_member=terms.seats_per_member,
    )
