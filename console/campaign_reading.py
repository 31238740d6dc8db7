"""What the pages of campaigns read: narrowed lists, counts, one campaign with its terms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from console.showing import lasting, yuan
from console.words import label
from flash_sale import queries as flash_sales
from group_buy import queries as group_buys
from group_buy.models import Group, GroupStatus
from group_buy.rules import ladder_of
from kit.lifecycle import StatusChange
from kit.pages import Page, read_page
from shop.campaigns import queries
from shop.campaigns.models import Campaign, CampaignItem, CampaignKind, CampaignStatus
from shop.campaigns.queries import CampaignNotFound
from shop.campaigns.rules import Window
from shop.catalog.models import Product, Sku

PAGE: Final = 20


@dataclass(frozen=True, slots=True)
class Choice:
    """What a list of campaigns is narrowed by."""

    status: CampaignStatus | None
    kind: CampaignKind | None
    words: str
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Ware:
    """One item of a campaign with what it is called."""

    item: CampaignItem
    sku: Sku
    product: Product


def list_chosen(session: Session, choice: Choice) -> Page[Campaign]:
    """Return a page of campaigns, drafts too, newest first."""
    query = select(Campaign).where(*_chosen(choice))
    if choice.status is not None:
        query = query.where(Campaign.status == choice.status)
    return read_page(session, query, Campaign.id, cursor=choice.cursor, limit=PAGE)


def count_chosen(session: Session, choice: Choice) -> Mapping[CampaignStatus, int]:
    """Return how many of the chosen campaigns have each status."""
    query = select(Campaign.status, func.count()).where(*_chosen(choice)).group_by(Campaign.status)
    return {status: int(count) for status, count in session.execute(query)}


def get_any(session: Session, campaign_id: UUID) -> Campaign:
    """Return the campaign, drafts too; raises `CampaignNotFound`."""
    campaign = session.get(Campaign, campaign_id)
    if campaign is None:
        raise CampaignNotFound
    return campaign


def list_wares(session: Session, campaign_ids: Sequence[UUID]) -> Mapping[UUID, list[Ware]]:
    """Return campaign id → its items with their SKUs and products, in order."""
    rows = session.execute(
        select(CampaignItem, Sku, Product)
        .join(Sku, Sku.id == CampaignItem.sku_id)
        .join(Product, Product.id == Sku.product_id)
        .where(CampaignItem.campaign_id.in_(campaign_ids))
        .order_by(CampaignItem.campaign_id, CampaignItem.position)
    )
    found: dict[UUID, list[Ware]] = {campaign_id: [] for campaign_id in campaign_ids}
    for item, sku, product in rows:
        found[item.campaign_id].append(Ware(item, sku, product))
    return found


def list_steps(session: Session, row_id: UUID) -> Sequence[StatusChange]:
    """Return the changes of status of one row, oldest first."""
    return session.scalars(
        select(StatusChange).where(StatusChange.row_id == row_id).order_by(StatusChange.seq)
    ).all()


def list_recent_groups(session: Session, campaign_id: UUID, *, limit: int = 20) -> Sequence[Group]:
    """Return the campaign's open groups first, those that end soonest first."""
    is_over = Group.status != GroupStatus.OPEN
    return session.scalars(
        select(Group)
        .where(Group.campaign_id == campaign_id)
        .order_by(is_over, Group.ends_at, Group.id)
        .limit(limit)
    ).all()


def terms_of(session: Session, campaign: Campaign) -> list[tuple[str, str]]:
    """Return what was promised, as names and values."""
    shared = [
        (_("每人限购"), str(campaign.limit_per_member)),
        (_("付款时限"), lasting(campaign.pay_within_seconds)),
        (_("参与范围"), label("audience", campaign.audience)),
        (_("退款承诺"), campaign.refund_promise or "—"),
    ]
    own = _group_terms if campaign.kind is CampaignKind.GROUP_BUY else _flash_terms
    return [*own(session, campaign), *shared]


def planned_edges(campaign: Campaign) -> list[tuple[str, Any]]:
    """Return the edges a campaign has, with when each is due."""
    warm = [("warm", campaign.warms_at)] if campaign.warms_at else []
    return [*warm, ("open", campaign.starts_at), ("end", campaign.ends_at)]


def list_clashes(session: Session, campaign: Campaign) -> Sequence[Campaign]:
    """Return other campaigns under way that sell the same in the same time."""
    if campaign.status not in queries.UNDER_WAY:
        return []
    items = queries.list_items(session, [campaign.id])[campaign.id]
    window = Window(campaign.starts_at, campaign.ends_at)
    found = queries.list_overlaps(
        session, [item.sku_id for item in items], window, other_than=campaign.id
    )
    return [other for _item, other in found]


def _chosen(choice: Choice) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if choice.kind is not None:
        conditions.append(Campaign.kind == choice.kind)
    if choice.words:
        conditions.append(Campaign.name.icontains(choice.words, autoescape=True))
    return conditions


def _group_terms(session: Session, campaign: Campaign) -> list[tuple[str, str]]:
    terms = group_buys.get_terms(session, campaign.id)
    ladder = "、".join(
        _("满 %(seats)s 人 %(price)s", seats=rung.seats, price=yuan(rung.price_fen))
        for rung in ladder_of(terms)
    )
    return [
        (_("成团人数"), str(terms.seats_required)),
        (_("拼团时长"), lasting(terms.lasts_seconds)),
        (_("阶梯价"), ladder or "—"),
        (_("开团价"), yuan(terms.initiator_price_fen)),
        (_("仅限新会员参团"), _("是") if terms.new_members_only else _("否")),
        (_("每人可参团数"), str(terms.groups_per_member)),
        (_("每团每人席位"), str(terms.seats_per_member)),
    ]


def _flash_terms(session: Session, campaign: Campaign) -> list[tuple[str, str]]:
    terms = flash_sales.get_terms(session, campaign.id)
    early = "—"
    if terms.early_seconds:
        early = _(
            "提前 %(time)s，%(units)s 份",
            time=lasting(terms.early_seconds),
            units=terms.early_units,
        )
    return [
        (_("方式"), label("mode", terms.mode)),
        (_("候补保留"), lasting(terms.offer_seconds)),
        (_("老会员提前"), early),
        (_("闸门分片"), str(terms.shards)),
    ]
