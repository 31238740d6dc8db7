"""Our side of a bill: what payments, refunds and the ledger say about its day and its rows."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kit.clock import business_day_bounds
from shop.ledger import queries as ledger
from shop.ledger.models import AccountKind
from shop.ledger.rules import account_id
from shop.payments import queries as payments
from shop.payments.gateway import BillRowKind
from shop.payments.models import Payment, PaymentStatus, Refund, RefundStatus
from shop.settlement.models import BillDay, BillLine
from shop.settlement.rules import Books, Entry, OurEntry

NEIGHBOURS: Final = timedelta(days=2)  # how far off a row may stand that happened at midnight


def entry_of(line: BillLine) -> Entry:
    """Return a row of a bill under our number; a refund made at the platform's desk has none."""
    if line.kind is BillRowKind.PAYMENT:
        return Entry(line.out_trade_no, line.amount_fen, line.transaction_no)
    return Entry(line.out_refund_no or line.out_trade_no, line.amount_fen, line.out_trade_no)


def payment_books(session: Session, day: BillDay, theirs: Sequence[Entry]) -> Books:
    """Return what we know of the day's payments."""
    of_day = payments.list_captured_between(session, day.channel, *business_day_bounds(day.day))
    known = payments.list_named(session, day.channel, [entry.number for entry in theirs])
    posted = ledger.find_amounts(
        session,
        cause_kind="payment",
        leg="captured",
        cause_ids=[payment.id for payment in of_day],
        account_id=account_id(AccountKind.CLEARING, day.channel.value),
    )

    def entry(payment: Payment) -> OurEntry:
        number, transaction_no = payment.out_trade_no, payment.transaction_no or ""
        return OurEntry(number, payment.amount_fen, transaction_no, posted.get(payment.id))

    captured = [payment for payment in known if payment.status is PaymentStatus.CAPTURED]
    return Books(
        of_day=[entry(payment) for payment in of_day],
        named=[entry(payment) for payment in captured],
        known=frozenset(payment.out_trade_no for payment in known),
        **_billed_elsewhere(session, day, BillRowKind.PAYMENT),
    )


def refund_books(session: Session, day: BillDay, theirs: Sequence[Entry]) -> Books:
    """Return what we know of the day's refunds."""
    of_day = payments.list_refunded_between(session, day.channel, *business_day_bounds(day.day))
    known = payments.list_refunds_named(session, day.channel, [entry.number for entry in theirs])
    posted = ledger.find_amounts(
        session,
        cause_kind="refund",
        leg="done",
        cause_ids=[refund.id for refund, _ in of_day],
        account_id=account_id(AccountKind.CLEARING, day.channel.value),
    )

    def entry(refund: Refund, payment: Payment) -> OurEntry:
        number, trade_no = refund.out_refund_no, payment.out_trade_no
        return OurEntry(number, refund.amount_fen, trade_no, posted.get(refund.id))

    return Books(
        of_day=[entry(*row) for row in of_day],
        named=[entry(*row) for row in known if row[0].status is RefundStatus.DONE],
        known=frozenset(refund.out_refund_no for refund, _ in known),
        **_billed_elsewhere(session, day, BillRowKind.REFUND),
    )


def is_empty(session: Session, day: BillDay) -> bool:
    """Say whether nothing of ours happened on the day, so that there need not be a bill."""
    bounds = business_day_bounds(day.day)
    return not (
        payments.list_captured_between(session, day.channel, *bounds)
        or payments.list_refunded_between(session, day.channel, *bounds)
    )


def _billed_elsewhere(
    session: Session, day: BillDay, kind: BillRowKind
) -> dict[str, frozenset[str]]:
    number = func.coalesce(BillLine.out_refund_no, BillLine.out_trade_no)
    rows = session.execute(
        select(number, BillDay.day)
        .join(BillDay, BillDay.id == BillLine.bill_day_id)
        .where(
            BillDay.channel == day.channel,
            BillDay.day.between(day.day - NEIGHBOURS, day.day + NEIGHBOURS),
            BillDay.day != day.day,
            BillLine.kind == kind,
        )
    ).all()
    return {
        "billed_before": frozenset(number for number, other in rows if other < day.day),
        "billed_after": frozenset(number for number, other in rows if other > day.day),
    }
