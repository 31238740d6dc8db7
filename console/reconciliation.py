"""Reconciliation: days with their bills and what differs, and one bill row by row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from flask import render_template
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from console import asked
from console.door import make_room, may
from console.ports import now, ports
from kit.errors import NotFound
from kit.pages import read_page
from shop.ledger.models import AccountKind
from shop.ledger.rules import account_id
from shop.operators.rules import Permission
from shop.payments.gateway import BillRowKind, Channel
from shop.reports.models import AccountDay
from shop.settlement.models import BillDay, BillLine, Difference, DifferenceStatus

DAYS = 15
PAGE = 40
MOST_DIFFERENCES = 100
Counts = Mapping[tuple[Channel, date], Mapping[DifferenceStatus, int]]

blueprint = make_room("reconciliation")


class BillNotFound(NotFound):
    """There is no such day of that channel."""

    code = "bill_not_found"
    title = "There is no such bill"
    message = "没有找到该账单"


@dataclass(frozen=True, slots=True)
class Total:
    """What a bill says of one kind of row."""

    rows: int
    amount_fen: int
    fee_fen: int


@blueprint.get("/reconciliation")
@may(Permission.MONEY)
def list_all() -> str:
    """Show days, newest first: each channel's bill, what we booked, what differs."""
    before = asked.day_of("before")
    with ports().begin() as session:
        query = select(BillDay).order_by(BillDay.day.desc(), BillDay.channel)
        if before is not None:
            query = query.where(BillDay.day < before)
        bills = session.scalars(query.limit(DAYS * len(Channel) + 1)).all()
        shown = bills[: DAYS * len(Channel)]
        return render_template(
            "console/reconciliation.html",
            bills=shown,
            state_of=state_of,
            moved=_moved(session, shown),
            differences=_count_differences(session, shown),
            open=DifferenceStatus.OPEN,
            resolved=DifferenceStatus.RESOLVED,
            following=shown[-1].day if len(bills) > len(shown) else None,
        )


@blueprint.get("/reconciliation/<channel>/<day>")
@may(Permission.MONEY)
def show(channel: str, day: str) -> str:
    """Show one bill: its sums beside ours, what differs, its rows."""
    with ports().begin() as session:
        bill = _get(session, channel, day)
        kind = asked.choice_of(BillRowKind, "kind")
        query = select(BillLine).where(BillLine.bill_day_id == bill.id)
        if kind is not None:
            query = query.where(BillLine.kind == kind)
        totals = _sum_lines(session, bill.id)
        return render_template(
            "console/bill.html",
            bill=bill,
            state=state_of(bill),
            totals=totals,
            net_fen=_net(totals),
            moved=_moved(session, [bill]).get((bill.channel, bill.day)),
            clearing_id=account_id(AccountKind.CLEARING, bill.channel.value),
            differences=session.scalars(
                select(Difference)
                .where(Difference.channel == bill.channel, Difference.day == bill.day)
                .order_by(Difference.kind, Difference.number)
                .limit(MOST_DIFFERENCES)
            ).all(),
            page=read_page(session, query, BillLine.id, cursor=asked.cursor(), limit=PAGE),
            kind=kind,
            kinds=BillRowKind,
        )


def state_of(bill: BillDay) -> str:
    """Return how a bill stands."""
    if bill.matched_at is not None and bill.due_at is None:
        return "matched"
    if bill.due_at is None:
        return "none"
    return "late" if bill.attempts and bill.due_at < now() else "waiting"


def _get(session: Session, channel: str, day: str) -> BillDay:
    try:
        wanted = date.fromisoformat(day)
    except ValueError:
        raise BillNotFound from None
    found = None
    if channel in set(Channel):
        found = session.scalars(
            select(BillDay).where(BillDay.channel == Channel(channel), BillDay.day == wanted)
        ).one_or_none()
    if found is None:
        raise BillNotFound
    return found


def _moved(session: Session, bills: Sequence[BillDay]) -> dict[tuple[Channel, date], AccountDay]:
    """Return what our account at each channel moved on these days."""
    names = {account_id(AccountKind.CLEARING, channel.value): channel for channel in Channel}
    rows = session.scalars(
        select(AccountDay).where(
            AccountDay.account_id.in_(names), AccountDay.day.in_({bill.day for bill in bills})
        )
    )
    return {(names[row.account_id], row.day): row for row in rows}


def _count_differences(session: Session, bills: Sequence[BillDay]) -> Counts:
    rows = session.execute(
        select(Difference.channel, Difference.day, Difference.status, func.count())
        .where(
            Difference.channel.in_(list(Channel)),  # by which the index begins
            Difference.day.in_({bill.day for bill in bills}),
        )
        .group_by(Difference.channel, Difference.day, Difference.status)
    )
    counts: dict[tuple[Channel, date], dict[DifferenceStatus, int]] = {}
    for channel, day, status, count in rows:
        counts.setdefault((channel, day), {})[status] = int(count)
    return counts


def _sum_lines(session: Session, bill_day_id: UUID) -> Mapping[BillRowKind, Total]:
    rows: Any = session.execute(
        select(
            BillLine.kind, func.count(), func.sum(BillLine.amount_fen), func.sum(BillLine.fee_fen)
        )
        .where(BillLine.bill_day_id == bill_day_id)
        .group_by(BillLine.kind)
    )
    return {kind: Total(int(count), int(fen), int(fee)) for kind, count, fen, fee in rows}


def _net(totals: Mapping[BillRowKind, Total]) -> int:
    """Return what the platform settles with us for the day."""
    paid, back = totals.get(BillRowKind.PAYMENT), totals.get(BillRowKind.REFUND)
    fees = sum(total.fee_fen for total in totals.values())
    return (paid.amount_fen if paid else 0) - (back.amount_fen if back else 0) - fees
