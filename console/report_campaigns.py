"""Reports of campaigns: how many groups form, and how fast flash sales sell out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from console.report_reading import campaign_link
from console.report_tables import MONEY, PERCENT, TEXT, Column, Linked, Table, share, sums
from console.showing import lasting
from flash_sale.models import Claim, ClaimStatus
from group_buy.models import Group, GroupStatus
from kit.clock import business_day_bounds
from shop.campaigns.models import Campaign, CampaignItem, CampaignKind, CampaignStatus
from shop.reports.queries import Span

MOST: Final = 100  # campaigns of one report, those that began last
TAKEN: Final = (ClaimStatus.HELD, ClaimStatus.PAID)
S = CampaignStatus


def group_rates(session: Session, span: Span, _now: datetime) -> Table:
    """Return how many groups of each campaign formed."""
    campaigns = _list(session, CampaignKind.GROUP_BUY, span)
    counts: dict[tuple[UUID, GroupStatus], tuple[int, int]] = {
        (campaign_id, status): (int(count), int(seats))
        for campaign_id, status, count, seats in session.execute(
            select(
                Group.campaign_id,
                Group.status,
                func.count(),
                func.coalesce(func.sum(Group.seats_paid), 0),
            )
            .where(Group.campaign_id.in_([one.id for one in campaigns]))
            .group_by(Group.campaign_id, Group.status)
        )
    }
    columns = [
        Column(_("活动"), TEXT),
        Column(_("开团数")),
        Column(_("已成团")),
        Column(_("未成团")),
        Column(_("拼团中")),
        Column(_("成团率"), PERCENT),
        Column(_("成团席位")),
    ]
    rows = []
    for one in campaigns:
        formed, seats = counts.get((one.id, GroupStatus.FORMED), (0, 0))
        failed, _seats = counts.get((one.id, GroupStatus.FAILED), (0, 0))
        open_, _seats = counts.get((one.id, GroupStatus.OPEN), (0, 0))
        name: Linked = campaign_link(one.id, one.name)
        rate = share(formed, formed + failed)
        rows.append([name, formed + failed + open_, formed, failed, open_, rate, seats])
    note = _("成团率只算已有结果的团；按开始时间列出最近的活动。")
    return Table(columns, rows, (5,), totals=sums(rows, columns), most=MOST, note=note)


def sell_outs(session: Session, span: Span, _now: datetime) -> Table:
    """Return how much of each flash sale was sold, and how long that took."""
    campaigns = _list(session, CampaignKind.FLASH_SALE, span)
    ids = [one.id for one in campaigns]
    stock = {
        campaign_id: (int(units), int(price))
        for campaign_id, units, price in session.execute(
            select(
                CampaignItem.campaign_id, CampaignItem.allotment, CampaignItem.deal_price_fen
            ).where(CampaignItem.campaign_id.in_(ids), CampaignItem.position == 0)
        )
    }
    sold = {
        campaign_id: (int(units), int(paid), last)
        for campaign_id, units, paid, last in session.execute(
            select(
                Claim.campaign_id,
                func.count(),
                func.count().filter(Claim.status == ClaimStatus.PAID),
                func.max(Claim.claimed_at),
            )
            .where(Claim.campaign_id.in_(ids), Claim.status.in_(TAKEN))
            .group_by(Claim.campaign_id)
        )
    }
    columns = [
        Column(_("活动"), TEXT),
        Column(_("库存份数")),
        Column(_("已抢份数")),
        Column(_("已付款份数")),
        Column(_("售罄率"), PERCENT),
        Column(_("活动价"), MONEY),
        Column(_("售罄用时"), TEXT),
    ]
    rows = []
    for one in campaigns:
        units, price = stock.get(one.id, (0, 0))
        taken, paid, last = sold.get(one.id, (0, 0, None))
        time = "—"
        if last is not None and taken >= units > 0:
            time = lasting(max(int((last - one.starts_at).total_seconds()), 1))
        name = campaign_link(one.id, one.name)
        rows.append([name, units, taken, paid, share(taken, units), price, time])
    note = _("售罄用时从开始到最后一份被抢；付款中的份数也算已抢。")
    return Table(columns, rows, (4,), most=MOST, note=note)


def _list(session: Session, kind: CampaignKind, span: Span) -> Sequence[Campaign]:
    """Return the campaigns that began in these days, those that began last first."""
    starts_at, ends_at = business_day_bounds(span.since)[0], business_day_bounds(span.until)[1]
    return session.scalars(
        select(Campaign)
        .where(
            Campaign.kind == kind,
            Campaign.starts_at >= starts_at,
            Campaign.starts_at < ends_at,
            Campaign.status.not_in((S.DRAFT, S.CANCELLED)),
        )
        .order_by(Campaign.starts_at.desc(), Campaign.id.desc())
        .limit(MOST)
    ).all()
