"""Storing a platform's bill and writing down how it differs from our payments and the ledger."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from kit.clock import business_day_bounds
from kit.ids import new_id
from kit.lifecycle import move
from kit.money import Fen
from shop.ledger import queries as ledger_queries
from shop.ledger import service as ledger
from shop.ledger.models import AccountKind, Transfer
from shop.ledger.service import Cause, Side
from shop.payments import queries as payments
from shop.payments.gateway import Bill, BillRowKind, Channel
from shop.payments.models import Payment, Refund
from shop.settlement import queries
from shop.settlement.models import BillDay, BillLine, Difference, DifferenceStatus
from shop.settlement.rules import Entry, Found, OurEntry, match

AGREES: Final = "agrees now"


def ensure_bill_day(
    session: Session, *, channel: Channel, day: date, due_at: datetime | None
) -> BillDay:
    """Return the channel's day, locked, writing it down when it is new."""
    session.execute(
        upsert(BillDay)
        .values(id=new_id(), channel=channel, day=day, attempts=0, due_at=due_at)
        .on_conflict_do_nothing()
    )
    found = queries.find_bill_day(session, channel, day)
    assert found is not None  # noqa: S101 - inserted by the statement above
    return found


def store_bill(session: Session, bill_day: BillDay, bill: Bill, *, now: datetime) -> None:
    """Keep the bill's rows in place of what an earlier download gave."""
    session.execute(delete(BillLine).where(BillLine.bill_day_id == bill_day.id))
    rows = [
        {
            "id": new_id(),
            "bill_day_id": bill_day.id,
            "kind": row.kind,
            "transaction_no": row.transaction_no,
            "out_trade_no": row.out_trade_no,
            "out_refund_no": row.out_refund_no,
            "amount_fen": row.amount_fen,
            "fee_fen": row.fee_fen,
            "at": row.at,
        }
        for row in bill.rows
    ]
    if rows:
        session.execute(insert(BillLine), rows)
    bill_day.sha256 = bill.sha256
    bill_day.downloaded_at = now
    _post_fees(session, bill_day, sum(row.fee_fen for row in bill.rows), now=now)


def match_day(session: Session, bill_day: BillDay, *, now: datetime) -> list[Found]:
    """Match bill, payments and ledger of the day; write new differences, resolve settled ones."""
    found = _match_payments(session, bill_day) + _match_refunds(session, bill_day)
    _write_differences(session, bill_day, found, now=now)
    bill_day.matched_at = now
    return found


def resolve_difference(
    session: Session, difference: Difference, *, resolution: str, now: datetime
) -> None:
    """Close a difference with a person's word for why it is in order."""
    difference.resolution = resolution[:200]
    difference.resolved_at = now
    move(session, difference, DifferenceStatus.RESOLVED, at=now, actor="operator")


def _match_payments(session: Session, bill_day: BillDay) -> list[Found]:
    start, end = business_day_bounds(bill_day.day)
    lines = queries.list_lines(session, bill_day, BillRowKind.PAYMENT)
    ours = payments.list_captured_between(session, bill_day.channel, start, end)
    posted = ledger_queries.find_amounts(
        session, cause_kind="payment", leg="captured", cause_ids=[payment.id for payment in ours]
    )
    numbers = [line.out_trade_no for line in lines]
    return match(
        BillRowKind.PAYMENT,
        theirs=[Entry(line.out_trade_no, line.amount_fen) for line in lines],
        ours=[
            OurEntry(payment.out_trade_no, payment.amount_fen, posted.get(payment.id))
            for payment in ours
        ],
        known=set(
            session.scalars(
                select(Payment.out_trade_no).where(
                    Payment.out_trade_no.in_(numbers), Payment.channel == bill_day.channel
                )
            )
        ),
    )


def _match_refunds(session: Session, bill_day: BillDay) -> list[Found]:
    start, end = business_day_bounds(bill_day.day)
    lines = queries.list_lines(session, bill_day, BillRowKind.REFUND)
    ours = payments.list_refunded_between(session, bill_day.channel, start, end)
    posted: Mapping[UUID, Fen] = ledger_queries.find_amounts(
        session, cause_kind="refund", leg="done", cause_ids=[refund.id for refund, _ in ours]
    )
    numbers = [line.out_refund_no or "" for line in lines]
    return match(
        BillRowKind.REFUND,
        theirs=[Entry(line.out_refund_no or "", line.amount_fen) for line in lines],
        ours=[
            OurEntry(refund.out_refund_no, refund.amount_fen, posted.get(refund.id))
            for refund, _ in ours
        ],
        known=set(
            session.scalars(select(Refund.out_refund_no).where(Refund.out_refund_no.in_(numbers)))
        ),
    )


def _write_differences(
    session: Session, bill_day: BillDay, found: Sequence[Found], *, now: datetime
) -> None:
    earlier = {
        (difference.kind, difference.number): difference
        for difference in queries.list_differences(
            session, channel=bill_day.channel, day=bill_day.day
        )
    }
    for item in found:
        known = earlier.pop((item.kind, item.number), None)
        if known is None:
            session.add(_new_difference(bill_day, item, now=now))
        elif known.status is DifferenceStatus.RESOLVED and known.resolution == AGREES:
            # It came back by itself; what a person resolved stays resolved.
            known.resolution = known.resolved_at = None
            move(session, known, DifferenceStatus.OPEN, at=now, actor="reconcile")
    for settled in earlier.values():
        if settled.status is DifferenceStatus.OPEN:
            settled.resolution = AGREES
            settled.resolved_at = now
            move(session, settled, DifferenceStatus.RESOLVED, at=now, actor="reconcile")


def _new_difference(bill_day: BillDay, item: Found, *, now: datetime) -> Difference:
    return Difference(
        id=new_id(),
        channel=bill_day.channel,
        day=bill_day.day,
        kind=item.kind,
        number=item.number,
        detail=dict(item.detail),
        status=DifferenceStatus.OPEN,
        found_at=now,
    )


def _post_fees(session: Session, bill_day: BillDay, fee_fen: int, *, now: datetime) -> None:
    """Post what the platform kept that day, once; the bill of a day does not change later."""
    cause = Cause("bill_day", bill_day.id, "fees")
    posted = session.scalar(
        select(Transfer.seq).where(
            Transfer.cause_kind == cause.kind,
            Transfer.cause_id == cause.id,
            Transfer.leg == cause.leg,
        )
    )
    if posted is None and fee_fen > 0:
        ledger.transfer(
            session,
            debit=Side(AccountKind.FEES),
            credit=Side(AccountKind.CLEARING, bill_day.channel.value),
            amount_fen=Fen(fee_fen),
            cause=cause,
            order_id=None,
            now=now,
        )
