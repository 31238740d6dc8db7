"""What each report reads: sales, refunds and commissions by day sums; groups, sales, stock."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from console.report_tables import (
    COUNT,
    DECIMAL,
    MONEY,
    TEXT,
    Column,
    Linked,
    Table,
    by_day,
    every_day,
    sums,
)
from console.showing import masked
from console.words import label
from kit.clock import business_date
from shop.campaigns.models import Campaign
from shop.cards import queries as cards
from shop.catalog.models import Product, ProductStatus, Sku
from shop.ledger.models import AccountKind
from shop.reports import queries
from shop.reports.models import DayFigure, FigureKind
from shop.reports.queries import MOST_LINES, Span

MOST_SKUS: Final = 500
MOST_LEADERS: Final = 50
COVER_DAYS: Final = 28  # of sales, by which it is told how long stock lasts
Read = Callable[[Session, Span, datetime], Table]


def sales_by_day(session: Session, span: Span, _now: datetime) -> Table:
    """Return what came in and went back on each day."""
    kinds = (FigureKind.PAID, FigureKind.PROMISED_BACK)
    paid, back = (
        by_day(
            queries.sum_figures(
                session, kind, span, DayFigure.day, by_amount=False, most=MOST_LINES
            )
        )
        for kind in kinds
    )
    columns = [
        Column(_("日期"), TEXT),
        Column(_("收款笔数")),
        Column(_("份数")),
        Column(_("收款"), MONEY),
        Column(_("退款"), MONEY),
        Column(_("净额"), MONEY),
    ]
    rows = []
    for day in every_day(span):
        one, other = paid.get(day), back.get(day)
        fen, back_fen = (one.amount_fen if one else 0), (other.amount_fen if other else 0)
        rows.append(
            [
                day.isoformat(),
                one.things if one else 0,
                one.units if one else 0,
                fen,
                back_fen,
                fen - back_fen,
            ]
        )
    return Table(columns, rows, (3, 4), chart="line", totals=sums(rows, columns))


def sales_by_channel(session: Session, span: Span, _now: datetime) -> Table:
    """Return what came in through each channel."""
    found = queries.sum_figures(session, FigureKind.PAID, span, DayFigure.channel)
    rows = [[label("channel", one.of), one.things, one.units, one.amount_fen] for one in found]
    return _sales(_("渠道"), rows)


def sales_by_product(session: Session, span: Span, _now: datetime) -> Table:
    """Return what came in for each SKU."""
    found = queries.sum_figures(session, FigureKind.PAID, span, DayFigure.sku_id)
    names = _skus(session, [one.of for one in found if one.of])
    nothing = _("逾期或重复付款（已退回）")
    rows = [
        [names.get(one.of, nothing) if one.of else nothing, one.things, one.units, one.amount_fen]
        for one in found
    ]
    return _sales(_("商品"), rows)


def sales_by_campaign(session: Session, span: Span, _now: datetime) -> Table:
    """Return what came in through each campaign, and beside all of them."""
    found = queries.sum_figures(session, FigureKind.PAID, span, DayFigure.campaign_id)
    wanted = [one.of for one in found if one.of]
    query = select(Campaign.id, Campaign.name).where(Campaign.id.in_(wanted))
    names = dict(session.execute(query).all())
    rows = [
        [
            campaign_link(one.of, names.get(one.of, "")) if one.of else Linked(_("不属于活动")),
            one.things,
            one.units,
            one.amount_fen,
        ]
        for one in found
    ]
    return _sales(_("活动"), rows)


def refunds(session: Session, span: Span, _now: datetime) -> Table:
    """Return why money went back."""
    promised = queries.sum_figures(session, FigureKind.PROMISED_BACK, span, DayFigure.reason)
    given = queries.sum_figures(session, FigureKind.GIVEN_BACK, span, DayFigure.reason)
    done = {one.of: one for one in given}
    columns = [
        Column(_("原因"), TEXT),
        Column(_("承诺笔数")),
        Column(_("承诺退款"), MONEY),
        Column(_("平台已退笔数")),
        Column(_("平台已退"), MONEY),
    ]
    reasons = [*(one.of for one in promised), *(done.keys() - {one.of for one in promised})]
    asked = {one.of: one for one in promised}
    rows = []
    for reason in reasons:
        one, other = asked.get(reason), done.get(reason)
        rows.append(
            [
                label("reason", reason),
                one.things if one else 0,
                one.amount_fen if one else 0,
                other.things if other else 0,
                other.amount_fen if other else 0,
            ]
        )
    note = _("承诺与退回各按发生的日子计。")
    return Table(columns, rows, (2, 4), totals=sums(rows, columns), note=note)


def commissions(session: Session, span: Span, _now: datetime) -> Table:
    """Return what leaders earned, gave back and were paid on each day."""
    kinds = (AccountKind.COMMISSIONS, AccountKind.COMMISSION_PAYOUTS)
    found: dict[tuple[date, AccountKind], tuple[int, int]] = {
        (day, kind): (debits, credits)
        for day, kind, debits, credits in queries.list_kinds_by_day(session, kinds, span)
    }
    columns = [
        Column(_("日期"), TEXT),
        Column(_("产生"), MONEY),
        Column(_("追回"), MONEY),
        Column(_("净佣金"), MONEY),
        Column(_("提现到账"), MONEY),
    ]
    rows = []
    for day in every_day(span):
        earned, back = found.get((day, AccountKind.COMMISSIONS), (0, 0))
        paid, _gone = found.get((day, AccountKind.COMMISSION_PAYOUTS), (0, 0))
        rows.append([day.isoformat(), earned, back, earned - back, paid])
    return Table(columns, rows, (1, 4), chart="line", totals=sums(rows, columns))


def leaders(session: Session, span: Span, _now: datetime) -> Table:
    """Return the leaders who earned most."""
    found = queries.list_owners(session, AccountKind.COMMISSION_PENDING, span, most=MOST_LEADERS)
    columns = [Column(_("团长"), TEXT), Column(_("产生"), MONEY), Column(_("到期或追回"), MONEY)]
    rows = [[masked(owner), earned, gone] for owner, gone, earned in found]
    return Table(columns, rows, (1,), totals=sums(rows, columns), most=MOST_LEADERS)


def stock_cover(session: Session, _span: Span, now: datetime) -> Table:
    """Return how long what is free lasts at the pace of four weeks, what ends soonest first."""
    today = business_date(now)
    month = Span(today - timedelta(days=COVER_DAYS), today - timedelta(days=1))
    sold = {
        one.of: one.units
        for one in queries.sum_figures(
            session, FigureKind.PAID, month, DayFigure.sku_id, most=MOST_SKUS
        )
    }
    published = session.execute(
        select(Sku.id, Sku.title, Product.title)
        .join(Product, Product.id == Sku.product_id)
        .where(Product.status == ProductStatus.PUBLISHED)
        .order_by(Sku.id)
        .limit(MOST_SKUS)
    ).all()
    free = cards.count_free(session, [sku_id for sku_id, *_names in published], now=now)
    columns = [
        Column(_("商品"), TEXT),
        Column(_("可用卡密"), COUNT),
        Column(_("28 天售出"), COUNT),
        Column(_("可售天数"), DECIMAL),
    ]
    rows: list[list[Any]] = []
    for sku_id, title, product in published:
        left, units = free.get(sku_id, 0), sold.get(sku_id, 0)
        lasts = left * COVER_DAYS * 10 // units if units else None
        rows.append([f"{product} · {title}", left, units, lasts])
    rows.sort(key=lambda row: (row[3] is None, row[3] or 0, -row[2]))
    note = _("可用卡密不含活动已预留的；可售天数按最近 28 天的平均销量计，没有销量的不计。")
    return Table(columns, rows, (1, 2), note=note, most=MOST_SKUS)


def campaign_link(campaign_id: UUID, name: str) -> Linked:
    """Return the campaign's name, with the way to its page."""
    return Linked(name, url_for("console_campaigns.show", campaign_id=campaign_id))


def _sales(of: str, rows: Sequence[Sequence[Any]]) -> Table:
    columns = [
        Column(of, TEXT),
        Column(_("收款笔数")),
        Column(_("份数")),
        Column(_("收款"), MONEY),
    ]
    return Table(columns, rows, (3,), totals=sums(rows, columns), most=MOST_LINES)


def _skus(session: Session, ids: Sequence[UUID]) -> Mapping[UUID, str]:
    rows = session.execute(
        select(Sku.id, Product.title, Sku.title)
        .join(Product, Product.id == Sku.product_id)
        .where(Sku.id.in_(ids))
    )
    return {sku_id: f"{product} · {title}" for sku_id, product, title in rows}
