"""Storing a platform's bill and writing down how it differs from our payments and the ledger."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from sqlalchemy import delete, insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from kit.ids import new_id
from kit.lifecycle import move
from kit.money import Fen
from shop.ledger import queries as ledger_queries
from shop.ledger import service as ledger
from shop.ledger.models import AccountKind
from shop.ledger.rules import account_id
from shop.ledger.service import Cause, Side
from shop.payments.gateway import Bill, BillRowKind, Channel
from shop.settlement import books, queries
from shop.settlement.models import BillDay, BillLine, Difference, DifferenceStatus
from shop.settlement.rules import Found, match

FEES_CAUSE: Final = "bill_day"
AGREES: Final = "agrees now"
_BOOKS: Final = {
    BillRowKind.PAYMENT: books.payment_books,
    BillRowKind.REFUND: books.refund_books,
}


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
    found: list[Found] = []
    for kind, books_of in _BOOKS.items():
        theirs = [books.entry_of(line) for line in queries.list_lines(session, bill_day, kind)]
        found += match(kind, theirs=theirs, books=books_of(session, bill_day, theirs))
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
        if known is not None and known.status is DifferenceStatus.OPEN:
            known.detail = dict(item.detail)
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
    """Post what the platform kept that day, or gave back; only what is not posted yet.

    The day's row is locked, so the legs of a corrected bill are numbered without gaps.
    """
    posted = ledger_queries.list_posted(
        session,
        cause_kind=FEES_CAUSE,
        cause_id=bill_day.id,
        account_id=account_id(AccountKind.FEES),
    )
    more = fee_fen - sum(posted)
    if more == 0:
        return
    kept, clearing = Side(AccountKind.FEES), Side(AccountKind.CLEARING, bill_day.channel.value)
    ledger.transfer(
        session,
        debit=kept if more > 0 else clearing,
        credit=clearing if more > 0 else kept,
        amount_fen=Fen(abs(more)),
        cause=Cause(FEES_CAUSE, bill_day.id, f"fees_{len(posted) + 1}" if posted else "fees"),
        order_id=None,
        now=now,
    )
