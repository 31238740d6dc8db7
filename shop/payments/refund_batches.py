"""Promising many refunds back by a constant number of statements."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, func, insert, literal, select
from sqlalchemy.orm import Session

from kit.ids import new_id
from kit.money import Fen
from shop.ledger import service as ledger
from shop.ledger.models import AccountKind
from shop.ledger.service import Cause, Posting, Side
from shop.payments.models import Payment, Refund, RefundReason, RefundStatus


@dataclass(frozen=True, slots=True)
class Wanted:
    """An amount, in fen, to go back of a payment whose lock the caller holds."""

    payment: Payment
    amount_fen: Fen


def request_refunds(
    session: Session,
    wanted: Sequence[Wanted],
    *,
    reason: RefundReason,
    from_account: AccountKind,
    now: datetime,
) -> None:
    """Promise the amounts back, each under a fixed number of its own; a sweep sends them.

    The caller has checked that the amounts are left of their payments.
    """
    if not wanted:
        return
    earlier = _count_earlier(session, [want.payment.id for want in wanted], reason)
    rows = [_row(want, reason, earlier[want.payment.id] + 1, now=now) for want in wanted]
    session.execute(insert(Refund), rows)
    ledger.transfer_many(
        session,
        [
            Posting(
                debit=Side(from_account),
                credit=Side(AccountKind.REFUNDS_DUE),
                amount_fen=want.amount_fen,
                cause=Cause("refund", row["id"], "requested"),
                order_id=want.payment.order_id,
            )
            for want, row in zip(wanted, rows, strict=True)
        ],
        now=now,
    )


def _count_earlier(
    session: Session, payment_ids: Sequence[UUID], reason: RefundReason
) -> Counter[UUID]:
    wanted = any_(literal(list(payment_ids), ARRAY(Uuid())))
    rows = session.execute(
        select(Refund.payment_id, func.count())
        .where(Refund.payment_id == wanted, Refund.reason == reason)
        .group_by(Refund.payment_id)
    )
    return Counter({payment_id: int(count) for payment_id, count in rows})


def _row(want: Wanted, reason: RefundReason, seq: int, *, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "payment_id": want.payment.id,
        "order_id": want.payment.order_id,
        "reason": reason,
        "seq": seq,
        "out_refund_no": refund_number(want.payment, reason, seq),
        "status": RefundStatus.REQUESTED,
        "amount_fen": want.amount_fen,
        "requested_at": now,
        "attempts": 0,
        "due_at": now,
    }


def refund_number(payment: Payment, reason: RefundReason, seq: int) -> str:
    """Return the fixed number of a refund, the same whoever computes it."""
    return f"R{payment.out_trade_no}{reason.letter}{seq}"
