"""Summing a business day from the ledger: what its accounts moved, what was sold and refunded."""

from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from kit.clock import business_date, business_day_bounds
from kit.ids import new_id
from kit.sweep import settle
from shop.ledger.models import Transfer
from shop.orders.models import Order, OrderLine
from shop.payments.models import Payment, Refund, RefundReason
from shop.reports import queries
from shop.reports.models import AccountDay, DayFigure, FigureKind, ReportDay

Rows = Select[*tuple[Any, ...]]

SUMMED_EVERY: Final = timedelta(minutes=1)  # while the day goes on
# After its end; a transaction that began on the day has long committed, or was undone.
CLOSED_AFTER: Final = timedelta(minutes=30)
BESIDE: Final = (RefundReason.LATE, RefundReason.DOUBLE)  # of money that bought nothing


def write_days_down(session: Session, *, now: datetime) -> None:
    """Write down today, and the days before it since the first transfer that nobody wrote down."""
    today = business_date(now)
    known = queries.find_last_day(session)
    if known == today:
        return
    day = known + timedelta(days=1) if known else _first_day(session, today)
    while day <= today:
        session.execute(
            upsert(ReportDay)
            .values(id=new_id(), day=day, is_closed=False, attempts=0, due_at=now)
            .on_conflict_do_nothing()
        )
        day += timedelta(days=1)


def sum_day(session: Session, row: ReportDay, *, now: datetime) -> None:
    """Sum the day in place of earlier sums; the caller holds the row's lock."""
    bounds = business_day_bounds(row.day)
    for table in (AccountDay, DayFigure):
        session.execute(delete(table).where(table.day == row.day))
    _insert(session, AccountDay, _movements(row.day, _of_day(bounds)))
    for figures in (_paid(row.day, _of_day(bounds)), *_refunds(row.day, _of_day(bounds))):
        _insert(session, DayFigure, figures)
    row.summed_at = now
    row.is_closed = now >= bounds[1] + CLOSED_AFTER
    settle(row)
    if not row.is_closed:
        row.due_at = now + SUMMED_EVERY


def _first_day(session: Session, today: date) -> date:
    first = session.scalar(select(Transfer.at).order_by(Transfer.seq).limit(1))
    # Two that began at the same time may have been numbered the other way round.
    return today if first is None else min(business_date(first) - timedelta(days=1), today)


def _of_day(bounds: tuple[datetime, datetime]) -> ColumnElement[bool]:
    return and_(Transfer.at >= bounds[0], Transfer.at < bounds[1])


def _insert(session: Session, table: type[Any], rows: Rows) -> None:
    names = [column.name for column in rows.selected_columns]
    session.execute(insert(table).from_select(names, rows))


def _movements(day: date, of_day: ColumnElement[bool]) -> Rows:
    debits = select(
        Transfer.debit_account_id.label("account_id"),
        Transfer.seq,
        Transfer.amount_fen.label("debit"),
        literal(0).label("credit"),
    ).where(of_day)
    credits = select(
        Transfer.credit_account_id, Transfer.seq, literal(0), Transfer.amount_fen
    ).where(of_day)
    both = union_all(debits, credits).subquery()
    return select(
        both.c.account_id,
        literal(day).label("day"),
        func.sum(both.c.debit).label("debits_fen"),
        func.sum(both.c.credit).label("credits_fen"),
        func.count().label("entries"),
        func.min(both.c.seq).label("first_seq"),
        func.max(both.c.seq).label("last_seq"),
    ).group_by(both.c.account_id)


def _paid(day: date, of_day: ColumnElement[bool]) -> Rows:
    """Select what came in, each payment that bought its order by the order's lines."""
    beside = exists().where(Refund.payment_id == Payment.id, Refund.reason.in_(BESIDE))
    bought = and_(Order.id == Payment.order_id, Order.total_fen == Transfer.amount_fen, ~beside)
    amount = func.coalesce(OrderLine.total_fen, Transfer.amount_fen)
    is_first = or_(OrderLine.position.is_(None), OrderLine.position == 0)
    return (
        select(
            literal(day).label("day"),
            literal(FigureKind.PAID.value).label("kind"),
            Payment.channel,
            OrderLine.sku_id,
            Order.campaign_id,
            func.count().filter(is_first).label("things"),
            func.coalesce(func.sum(OrderLine.quantity), 0).label("units"),
            func.sum(amount).label("amount_fen"),
        )
        .select_from(Transfer)
        .join(Payment, Payment.id == Transfer.cause_id)
        .outerjoin(Order, bought)
        .outerjoin(OrderLine, OrderLine.order_id == Order.id)
        .where(of_day, Transfer.cause_kind == "payment", Transfer.leg == "captured")
        .group_by(Payment.channel, OrderLine.sku_id, Order.campaign_id)
    )


def _refunds(day: date, of_day: ColumnElement[bool]) -> list[Rows]:
    legs = (("requested", FigureKind.PROMISED_BACK), ("done", FigureKind.GIVEN_BACK))
    return [
        select(
            literal(day).label("day"),
            literal(kind.value).label("kind"),
            Payment.channel,
            null().label("sku_id"),
            Order.campaign_id,
            Refund.reason,
            func.count().label("things"),
            literal(0).label("units"),
            func.sum(Transfer.amount_fen).label("amount_fen"),
        )
        .select_from(Transfer)
        .join(Refund, Refund.id == Transfer.cause_id)
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Order, Order.id == Refund.order_id)
        .where(of_day, Transfer.cause_kind == "refund", Transfer.leg == leg)
        .group_by(Payment.channel, Order.campaign_id, Refund.reason)
        for leg, kind in legs
    ]
