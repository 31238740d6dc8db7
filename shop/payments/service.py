"""Rows of payments and refunds: opening, capturing, closing, requesting and settling, in fen."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kit.errors import Conflict
from kit.ids import new_id, new_number
from kit.lifecycle import move
from kit.money import Fen
from kit.sweep import settle
from shop.ledger import service as ledger
from shop.ledger.models import AccountKind
from shop.ledger.service import Cause, Side
from shop.payments.gateway import Channel, PaymentGateway, Prepay, RefundResult, Trade
from shop.payments.gateway import Notice as PlatformNotice
from shop.payments.models import (
    DeliveryReport,
    Notice,
    Payment,
    PaymentStatus,
    Refund,
    RefundReason,
    RefundStatus,
    SecurityEvent,
)
from shop.payments.payers import hash_of
from shop.payments.refund_batches import refund_number

FIRST_QUESTION_AFTER: Final = timedelta(seconds=5)
UNSURE_QUESTION_AFTER: Final = timedelta(seconds=20)


class RefundTooLarge(Conflict):
    """More would go back than was paid."""

    code = "payments.refund_too_large"
    title = "The refund is more than what is left of the payment"
    message = "退款金额超过可退金额"


def open_payment(
    session: Session,
    gateway: PaymentGateway,
    *,
    order_id: UUID,
    amount_fen: Fen,
    opened_for: bytes,
    expires_at: datetime,
    now: datetime,
) -> Payment:
    """Write down a trade before the platform is asked for it, so that no charge can be unknown.

    `opened_for` is the hash of the open id that alone can pay it.
    """
    attempts = session.scalar(select(func.count()).where(Payment.order_id == order_id)) or 0
    payment = Payment(
        id=new_id(),
        order_id=order_id,
        attempt=attempts + 1,
        channel=gateway.channel,
        app_id=gateway.app_id,
        merchant_id=gateway.merchant_id,
        out_trade_no=new_number("TP", now=now),
        status=PaymentStatus.CREATED,
        amount_fen=amount_fen,
        opened_for=opened_for,
        created_at=now,
        expires_at=expires_at,
        due_at=now + UNSURE_QUESTION_AFTER,
    )
    session.add(payment)
    return payment


def keep_prepay(session: Session, payment: Payment, prepay: Prepay, *, now: datetime) -> None:
    """Store what the platform gave for the trade, and when to ask about it first."""
    if payment.status is PaymentStatus.CREATED:
        move(session, payment, PaymentStatus.PREPAID, at=now, actor="prepay")
    payment.platform_ref = prepay.platform_ref
    payment.params = dict(prepay.params)
    payment.due_at = now + FIRST_QUESTION_AFTER


def capture(
    session: Session, payment: Payment, trade: Trade, *, payer_hash_key: bytes, now: datetime
) -> None:
    """Book that the platform has the money: row, ledger, nothing else.

    The caller holds the lock on the payment and has compared every field with the row.
    """
    payment.transaction_no = trade.transaction_no
    payment.captured_at = trade.paid_at or now
    if trade.payer_ref:
        payment.payer_hash = hash_of(trade.payer_ref, payer_hash_key)
    move(session, payment, PaymentStatus.CAPTURED, at=now, actor="platform")
    settle(payment)
    ledger.transfer(
        session,
        debit=Side(AccountKind.CLEARING, payment.channel.value),
        credit=Side(AccountKind.UNEARNED),
        amount_fen=payment.amount_fen,
        cause=Cause("payment", payment.id, "captured"),
        order_id=payment.order_id,
        now=now,
    )


def close_payment(session: Session, payment: Payment, *, now: datetime, actor: str) -> None:
    """Write down that the trade can no longer be paid; the platform was asked before."""
    move(session, payment, PaymentStatus.CLOSED, at=now, actor=actor)
    settle(payment)


def request_refund(
    session: Session,
    payment: Payment,
    *,
    reason: RefundReason,
    amount_fen: Fen,
    from_account: AccountKind,
    now: datetime,
) -> Refund:
    """Promise money back under a fixed number; a sweep sends it. Raises `RefundTooLarge`.

    The caller holds the lock on the payment, so that two requests cannot both see the remainder.
    """
    earlier = session.scalars(select(Refund).where(Refund.payment_id == payment.id)).all()
    promised = sum(refund.amount_fen for refund in earlier)
    if amount_fen > payment.amount_fen - promised:
        raise RefundTooLarge(left_fen=payment.amount_fen - promised)
    seq = 1 + sum(refund.reason is reason for refund in earlier)
    refund = Refund(
        id=new_id(),
        payment_id=payment.id,
        order_id=payment.order_id,
        reason=reason,
        seq=seq,
        out_refund_no=refund_number(payment, reason, seq),
        status=RefundStatus.REQUESTED,
        amount_fen=amount_fen,
        requested_at=now,
        due_at=now,
    )
    session.add(refund)
    session.flush()  # the transfer below names the refund
    ledger.transfer(
        session,
        debit=Side(from_account),
        credit=Side(AccountKind.REFUNDS_DUE),
        amount_fen=amount_fen,
        cause=Cause("refund", refund.id, "requested"),
        order_id=payment.order_id,
        now=now,
    )
    return refund


def finish_refund(
    session: Session, refund: Refund, result: RefundResult, *, channel: Channel, now: datetime
) -> None:
    """Book that the platform gave the money back."""
    refund.platform_refund_no = result.platform_refund_no
    refund.done_at = result.finished_at or now
    move(session, refund, RefundStatus.DONE, at=now, actor="platform")
    settle(refund)
    ledger.transfer(
        session,
        debit=Side(AccountKind.REFUNDS_DUE),
        credit=Side(AccountKind.CLEARING, channel.value),
        amount_fen=refund.amount_fen,
        cause=Cause("refund", refund.id, "done"),
        order_id=refund.order_id,
        now=now,
    )


def note_notice(session: Session, notice: PlatformNotice, *, now: datetime) -> bool:
    """Write an authenticated notice down once; return whether it is the first of its id."""
    subject = notice.trade or notice.refund
    return note_notice_of(
        session,
        notice.channel,
        notice.notice_id,
        notice.kind,
        number=subject.out_trade_no if subject else None,
        now=now,
    )


def note_notice_of(
    session: Session,
    channel: Channel,
    notice_id: str,
    kind: str,
    *,
    number: str | None,
    now: datetime,
) -> bool:
    """Do the same for a notice about any number of ours."""
    statement = (
        insert(Notice)
        .values(
            id=new_id(),
            channel=channel,
            notice_id=notice_id,
            kind=kind,
            out_trade_no=number,
            received_at=now,
        )
        .on_conflict_do_nothing()
        .returning(Notice.id)
    )
    return session.execute(statement).scalar_one_or_none() is not None


def note_security_event(
    session: Session, *, kind: str, subject: str, detail: dict[str, Any], now: datetime
) -> None:
    """Write down something that should not happen; `detail` holds no secrets and no codes."""
    session.add(SecurityEvent(id=new_id(), kind=kind, subject=subject[:64], detail=detail, at=now))


def queue_delivery_report(
    session: Session, payment: Payment, *, member_id: UUID, item: str, now: datetime
) -> None:
    """Have a sweep report the delivery to the platform; only WeChat asks for that."""
    if payment.channel is Channel.WECHAT_PAY:
        session.add(
            DeliveryReport(
                payment_id=payment.id,
                member_id=member_id,
                item=item[:120],
                delivered_at=now,
                due_at=now,
            )
        )


def reassign(session: Session, *, from_member_id: UUID, into_member_id: UUID) -> None:
    """Have deliveries reported in the name of the member that the payer became part of."""
    session.execute(
        update(DeliveryReport)
        .where(DeliveryReport.member_id == from_member_id)
        .values(member_id=into_member_id)
    )


def give_up_refund(session: Session, refund: Refund, why: str, *, now: datetime) -> None:
    """Hand a refund that the platform keeps refusing to a person; its number stays."""
    move(session, refund, RefundStatus.STUCK, at=now, actor="platform")
    settle(refund)
    refund.last_error = why[:200]


def retry_refund(session: Session, refund: Refund, *, now: datetime) -> None:
    """Send a stuck refund again under the same number, at a person's word.

    It gets the patience of a new one, but counts as tried: the platform is asked first.
    """
    move(session, refund, RefundStatus.REQUESTED, at=now, actor="operator")
    refund.attempts = 1
    refund.due_at = now
