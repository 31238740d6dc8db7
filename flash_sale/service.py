"""A flash sale at an operator's hand: its terms, publishing it, copying it."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from flash_sale import queries
from flash_sale.models import FlashTerms, SaleMode
from flash_sale.rules import TermsPlan, check_terms
from kit.crypto import new_key
from kit.money import Fen
from shop.campaigns import planning
from shop.campaigns import queries as campaigns_queries
from shop.campaigns import service as campaigns
from shop.campaigns.models import Campaign, CampaignItem, CampaignKind
from shop.campaigns.rules import Window
from shop.campaigns.service import Plan


def plan_flash_sale(
    session: Session, plan: Plan, terms: TermsPlan, *, actor: str, now: datetime
) -> Campaign:
    """Write a draft and its terms down; raises `BadPlan` or `BadTerms`."""
    check_terms(
        terms,
        allotments=[item.allotment for item in plan.items],
        limit_per_member=plan.limit_per_member,
    )
    if terms.mode is SaleMode.LOTTERY:
        # Who is drawn claims after the window, and who lets that pass makes room for the next.
        plan = replace(plan, trails=2 * terms.offer, needs_release=True)
    campaign = campaigns.plan_campaign(session, CampaignKind.FLASH_SALE, plan, actor=actor, now=now)
    _write_terms(session, campaign, terms)
    return campaign


def copy_flash_sale(
    session: Session,
    source: Campaign,
    *,
    window: Window,
    name: str | None = None,
    actor: str,
    now: datetime,
) -> Campaign:
    """Draft the same campaign with the same terms for another window."""
    copied = campaigns.copy_campaign(
        session, source, window=window, name=name, actor=actor, now=now
    )
    copy_terms(session, from_id=source.id, into=copied)
    return copied


def copy_terms(session: Session, *, from_id: UUID, into: Campaign) -> None:
    """Give a draft the terms of another campaign, unless it has some."""
    if session.get(FlashTerms, into.id) is not None:
        return
    _write_terms(session, into, _plan_of(queries.get_terms(session, from_id)))


def _lowest_price(session: Session, item: CampaignItem) -> Fen:
    """Return the deal price: everything sells at it."""
    return item.deal_price_fen


def _write_terms(session: Session, campaign: Campaign, plan: TermsPlan) -> None:
    item = campaigns_queries.list_items(session, [campaign.id])[campaign.id][0]
    session.add(
        FlashTerms(
            campaign_id=campaign.id,
            item_id=item.id,
            mode=plan.mode,
            limit_per_member=campaign.limit_per_member,
            offer_seconds=int(plan.offer.total_seconds()),
            shards=plan.shards,
            early_seconds=int(plan.early.total_seconds()),
            early_units=plan.early_units,
            early_orders=plan.early_orders,
            draw_seed=new_key() if plan.mode is SaleMode.LOTTERY else None,
        )
    )
    session.flush()  # what follows reads the terms


def _plan_of(terms: FlashTerms) -> TermsPlan:
    return TermsPlan(
        mode=terms.mode,
        offer=timedelta(seconds=terms.offer_seconds),
        shards=terms.shards,
        early=timedelta(seconds=terms.early_seconds),
        early_units=terms.early_units,
        early_orders=terms.early_orders,
    )


# Both are the campaign's own, at the prices of this way of selling.
dry_run: Final = partial(planning.dry_run, lowest_price_of=_lowest_price)
schedule_flash_sale: Final = partial(campaigns.schedule_campaign, lowest_price_of=_lowest_price)
