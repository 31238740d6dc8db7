"""Reading bills and differences."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from shop.payments.gateway import BillRowKind, Channel
from shop.settlement.models import BillDay, BillLine, Difference, DifferenceStatus


def find_bill_day(session: Session, channel: Channel, day: date) -> BillDay | None:
    """Return the channel's day, locked, or None."""
    return session.scalars(
        select(BillDay).where(BillDay.channel == channel, BillDay.day == day).with_for_update()
    ).one_or_none()


def list_days(session: Session, channel: Channel, *, since: date) -> Sequence[date]:
    """Return the channel's days that are written down, from `since` on."""
    return session.scalars(
        select(BillDay.day).where(BillDay.channel == channel, BillDay.day >= since)
    ).all()


def list_lines(session: Session, bill_day: BillDay, kind: BillRowKind) -> Sequence[BillLine]:
    """Return the rows of one kind in a stored bill."""
    return session.scalars(
        select(BillLine).where(BillLine.bill_day_id == bill_day.id, BillLine.kind == kind)
    ).all()


def list_differences(
    session: Session,
    *,
    channel: Channel | None = None,
    day: date | None = None,
    status: DifferenceStatus | None = None,
) -> Sequence[Difference]:
    """Return differences, narrowed as asked, oldest first."""
    query = select(Difference).order_by(Difference.day, Difference.channel, Difference.number)
    if channel is not None:
        query = query.where(Difference.channel == channel)
    if day is not None:
        query = query.where(Difference.day == day)
    if status is not None:
        query = query.where(Difference.status == status)
    return session.scalars(query).all()


def due_days(now: datetime) -> Select[UUID]:
    """Select the ids of bills to fetch and match, oldest day first."""
    return select(BillDay.id).where(BillDay.due_at <= now).order_by(BillDay.day)
