"""The sandbox's own books against ours: every trade, refund and transfer, both ways."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from kit.outbound import OutboundSession
from shop.payments.gateway import Channel
from shop.payments.models import Payment, PaymentStatus, Refund, RefundStatus
from shop.withdrawals.models import Withdrawal, WithdrawalStatus

TIMEOUT_SECONDS: Final = 30.0
MOST_BYTES: Final = 256 * 1024 * 1024
# How each platform writes that money came in, whatever happened to it later.
PAID: Final = frozenset({"SUCCESS", "REFUND", "TRADE_SUCCESS", "TRADE_FINISHED", "PAID"})


def fetch_books(sandbox_url: str) -> Mapping[str, Any]:
    """Return what the sandbox has written down; raises `kit.outbound.Unreachable`."""
    session = OutboundSession(timeout_seconds=TIMEOUT_SECONDS, most_bytes=MOST_BYTES)
    books: Mapping[str, Any] = session.get(f"{sandbox_url}/sandbox/books").json()
    return books


def compare_books(session: Session, books: Mapping[str, Any]) -> list[str]:
    """Return a line for each trade, refund or transfer that the two sides have otherwise."""
    found: list[str] = []
    for channel in Channel:
        theirs = {"orders": [], "refunds": [], "transfers": [], **books.get(channel.value, {})}
        found += _compare(
            f"{channel.value} payment", _their_payments(theirs), _ours(session, channel)
        )
        found += _compare(
            f"{channel.value} refund", _their_refunds(theirs), _our_refunds(session, channel)
        )
        found += _compare(
            f"{channel.value} transfer", _their_transfers(theirs), _our_transfers(session, channel)
        )
    return found


def _compare(what: str, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterable[str]:
    for number in sorted(set(theirs) | set(ours)):
        if number not in ours:
            yield f"{what} {number}: there {theirs[number]}, not here"
        elif number not in theirs:
            yield f"{what} {number}: here {ours[number]}, not there"
        elif theirs[number] != ours[number]:
            yield f"{what} {number}: there {theirs[number]}, here {ours[number]}"


def _their_payments(books: Mapping[str, Any]) -> dict[str, Any]:
    return {
        row["out_trade_no"]: (row["transaction_no"], row["total_fen"])
        for row in books["orders"]
        if row["state"] in PAID or row["refunded_fen"]
    }


def _ours(session: Session, channel: Channel) -> dict[str, Any]:
    rows = session.execute(
        select(Payment.out_trade_no, Payment.transaction_no, Payment.amount_fen).where(
            Payment.channel == channel, Payment.status == PaymentStatus.CAPTURED
        )
    )
    return {number: (transaction, fen) for number, transaction, fen in rows}


def _their_refunds(books: Mapping[str, Any]) -> dict[str, Any]:
    return {
        row["out_refund_no"]: row["refunded_fen"] for row in books["refunds"] if row["refunded_fen"]
    }


def _our_refunds(session: Session, channel: Channel) -> dict[str, Any]:
    rows = session.execute(
        select(Refund.out_refund_no, Refund.amount_fen)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Payment.channel == channel, Refund.status == RefundStatus.DONE)
    )
    return dict(rows.all())


def _their_transfers(books: Mapping[str, Any]) -> dict[str, Any]:
    return {row["out_bill_no"]: row["paid_fen"] for row in books["transfers"] if row["paid_fen"]}


def _our_transfers(session: Session, channel: Channel) -> dict[str, Any]:
    rows = session.execute(
        select(Withdrawal.out_bill_no, Withdrawal.amount_fen - Withdrawal.fee_fen).where(
            Withdrawal.channel == channel, Withdrawal.status == WithdrawalStatus.PAID
        )
    )
    return dict(rows.all())
