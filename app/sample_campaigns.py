"""Made-up campaigns, published at once, for load tests and a first look."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.samples import make_sku
from flash_sale import rules as flash_rules
from flash_sale.models import SaleMode
from flash_sale.service import plan_flash_sale, schedule_flash_sale
from group_buy import rules as group_rules
from group_buy.service import plan_group_buy, schedule_group_buy
from kit.db import Begin
from kit.money import Fen
from shop.campaigns.rules import Window
from shop.campaigns.service import ItemPlan, Plan
from shop.cards.vault import Vault
from shop.catalog.models import Sku


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSample:
    """What is asked for: units, limits, the price in fen, and times from now on."""

    stock: int
    limit: int
    price_fen: Fen
    opens_in: timedelta
    lasts: timedelta
    pay_within_seconds: int
    seats: int = 3  # of a group
    group_lasts: timedelta = timedelta(hours=1)
    mode: SaleMode = SaleMode.RUSH  # of a flash sale, as what follows
    shards: int = 1
    offer: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class MadeCampaign:
    """Ids of a campaign and of the one SKU it sells."""

    id: UUID
    sku_id: UUID


def make_group_buy(
    begin: Begin,
    vault: Vault,
    sample: CampaignSample,
    *,
    fee_basis_points: int,
    now: datetime,
) -> MadeCampaign:
    """Make a SKU with fresh codes and a published group-buy campaign that sells all of them."""
    terms = group_rules.TermsPlan(
        seats_required=sample.seats,
        lasts=sample.group_lasts,
        groups_per_member=sample.limit,
    )
    sku = _make_sku(begin, vault, sample, now=now)
    plan = _plan(sku, sample, "样品拼团", "样品活动:人数满即成团,未成团原路退款。", now=now)
    with begin() as session:
        campaign = plan_group_buy(session, plan, terms, actor="sample", now=now)
        schedule_group_buy(
            session,
            campaign,
            fee_basis_points=fee_basis_points,
            actor="sample",
            approved_by="sample-2",
            now=now,
        )
    return MadeCampaign(campaign.id, sku.id)


def make_flash_sale(
    begin: Begin,
    vault: Vault,
    sample: CampaignSample,
    *,
    fee_basis_points: int,
    now: datetime,
) -> MadeCampaign:
    """Make a SKU with fresh codes and a published flash sale of all of them."""
    sku = _make_sku(begin, vault, sample, now=now)
    plan = _plan(sku, sample, "样品秒杀", "样品活动:抢购成功后请在时限内付款。", now=now)
    terms = flash_rules.TermsPlan(mode=sample.mode, shards=sample.shards, offer=sample.offer)
    with begin() as session:
        campaign = plan_flash_sale(session, plan, terms, actor="sample", now=now)
        schedule_flash_sale(
            session,
            campaign,
            fee_basis_points=fee_basis_points,
            actor="sample",
            approved_by="sample-2",
            now=now,
        )
    return MadeCampaign(campaign.id, sku.id)


def _make_sku(begin: Begin, vault: Vault, sample: CampaignSample, *, now: datetime) -> Sku:
    return make_sku(
        begin,
        vault,
        stock=sample.stock,
        price_fen=Fen(sample.price_fen * 5 // 4),
        cost_fen=Fen(sample.price_fen * 9 // 10),
        now=now,
    )


def _plan(sku: Sku, sample: CampaignSample, name: str, rules: str, *, now: datetime) -> Plan:
    starts_at = now + sample.opens_in
    return Plan(
        name=f"{name} {sku.code}",
        window=Window(starts_at, starts_at + sample.lasts),
        items=[ItemPlan(sku.id, sample.price_fen, sample.stock)],
        limit_per_member=sample.limit,
        pay_within_seconds=sample.pay_within_seconds,
        rules_text=rules,
    )
