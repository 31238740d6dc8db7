"""Made-up campaigns, published at once, for load tests and a first look."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.samples import make_sku
from group_buy.rules import TermsPlan
from group_buy.service import plan_group_buy, schedule_group_buy
from kit.db import Begin
from kit.money import Fen
from shop.campaigns.rules import Window
from shop.campaigns.service import ItemPlan, Plan
from shop.cards.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSample:
    """What is asked for: units, limits, the price in fen, and times from now on."""

    stock: int
    limit: int
    price_fen: Fen
    seats: int
    opens_in: timedelta
    lasts: timedelta
    group_lasts: timedelta
    pay_within_seconds: int


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
    list_price = Fen(sample.price_fen * 5 // 4)
    sku = make_sku(
        begin,
        vault,
        stock=sample.stock,
        price_fen=list_price,
        cost_fen=Fen(sample.price_fen * 9 // 10),
        now=now,
    )
    starts_at = now + sample.opens_in
    plan = Plan(
        name=f"样品拼团 {sku.code}",
        window=Window(starts_at, starts_at + sample.lasts),
        items=[ItemPlan(sku.id, sample.price_fen, sample.stock)],
        limit_per_member=sample.limit,
        pay_within_seconds=sample.pay_within_seconds,
        rules_text="样品活动:人数满即成团,未成团原路退款。",
    )
    terms = TermsPlan(
        seats_required=sample.seats,
        lasts=sample.group_lasts,
        groups_per_member=sample.limit,
    )
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
