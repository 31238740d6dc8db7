"""Reading payments and refunds."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CollectionAggregate,
    ColumnElement,
    Select,
    String,
    Uuid,
    any_,
    func,
    literal,
    select,
)
from sqlalchemy.orm import Session

from kit.money import Fen
from shop.payments.gateway import Channel
from shop.payments.models import (
    DeliveryReport,
    Payment,
    PaymentStatus,
    Refund,
    RefundReason,
    RefundStatus,
    SecurityEvent,
)

OPEN = (PaymentStatus.CREATED, PaymentStatus.PREPAID)
GIVEN_UP: Final = "given up"  # `last_error` of a delivery that is not reported any more
TOLD_FOR: Final = timedelta(days=7)  # nobody can mend it, so that it must not be told for ever


def find_by_number(session: Session, out_trade_no: str) -> Payment | None:
    """Return the payment with this trade number, or None."""
    return session.scalars(
        select(Payment).where(Payment.out_trade_no == out_trade_no)
    ).one_or_none()


def find_payment(session: Session, payment_id: UUID) -> Payment | None:
    """Return the payment, or None."""
    return session.get(Payment, payment_id)


def lock_payment(session: Session, payment_id: UUID) -> Payment:
    """Return the payment, locked and fresh; the caller holds the lock on its order."""
    return session.get_one(Payment, payment_id, with_for_update=True, populate_existing=True)


def find_open(session: Session, order_id: UUID) -> Payment | None:
    """Return the order's trade that may still be paid, locked, or None."""
    return session.scalars(
        select(Payment)
        .where(Payment.order_id == order_id, Payment.status.in_(OPEN))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def list_captured(session: Session, order_id: UUID, *, lock: bool = False) -> Sequence[Payment]:
    """Return the order's captured payments, first captured first, locked when asked."""
    query = (
        select(Payment)
        .where(Payment.order_id == order_id, Payment.status == PaymentStatus.CAPTURED)
        .order_by(Payment.captured_at, Payment.id)
    )
    return session.scalars(query.with_for_update() if lock else query).all()


def get_paying(session: Session, order_id: UUID) -> Payment:
    """Return the payment that pays a paid order: what came late or twice goes back whole."""
    goes_back = select(Refund.id).where(
        Refund.payment_id == Payment.id,
        Refund.reason.in_((RefundReason.LATE, RefundReason.DOUBLE)),
    )
    return session.scalars(
        select(Payment).where(
            Payment.order_id == order_id,
            Payment.status == PaymentStatus.CAPTURED,
            ~goes_back.exists(),
        )
    ).one()


def list_payments(session: Session, order_id: UUID) -> Sequence[Payment]:
    """Return every payment of the order, oldest first."""
    return session.scalars(
        select(Payment).where(Payment.order_id == order_id).order_by(Payment.attempt)
    ).all()


def list_refunds(session: Session, order_id: UUID) -> Sequence[Refund]:
    """Return every refund of the order, oldest first."""
    return session.scalars(
        select(Refund).where(Refund.order_id == order_id).order_by(Refund.id)
    ).all()


def list_refundable(
    session: Session, order_ids: Sequence[UUID], *, lock: bool
) -> Sequence[tuple[Payment, Fen]]:
    """Return the orders' captured payments of which something is left, and how much, in fen."""
    query = (
        select(Payment)
        .where(Payment.order_id.in_(order_ids), Payment.status == PaymentStatus.CAPTURED)
        .order_by(Payment.id)
        .execution_options(populate_existing=True)
    )
    payments = session.scalars(query.with_for_update() if lock else query).all()
    # One array, not a list: its prepared plan uses the index, also of a table that was just empty.
    wanted = any_(literal(list(order_ids), ARRAY(Uuid())))
    rows = session.execute(
        select(Refund.payment_id, func.sum(Refund.amount_fen))
        .where(Refund.order_id == wanted)
        .group_by(Refund.payment_id)
    )
    promised = {payment_id: int(fen) for payment_id, fen in rows}
    left = [(payment, payment.amount_fen - promised.get(payment.id, 0)) for payment in payments]
    return [(payment, Fen(fen)) for payment, fen in left if fen > 0]


def find_refund_by_number(session: Session, out_refund_no: str) -> Refund | None:
    """Return the refund with this number, or None."""
    return session.scalars(
        select(Refund).where(Refund.out_refund_no == out_refund_no)
    ).one_or_none()


def is_stuck_refund() -> ColumnElement[bool]:
    """Return the condition under which a refund waits for a person."""
    return Refund.status == RefundStatus.STUCK


def is_given_up_report(now: datetime) -> ColumnElement[bool]:
    """Return the condition under which a delivery was lately given up and never reported."""
    was_given_up = (DeliveryReport.last_error == GIVEN_UP) & DeliveryReport.due_at.is_(None)
    return was_given_up & (DeliveryReport.delivered_at > now - TOLD_FOR)


def list_stuck_refunds(session: Session) -> Sequence[Refund]:
    """Return the refunds that wait for a person, oldest first."""
    return session.scalars(select(Refund).where(is_stuck_refund()).order_by(Refund.id)).all()


def list_security_events(session: Session, *, since: datetime) -> Sequence[SecurityEvent]:
    """Return what should not have happened since then, oldest first."""
    return session.scalars(
        select(SecurityEvent).where(SecurityEvent.at >= since).order_by(SecurityEvent.id)
    ).all()


def due_payments(now: datetime) -> Select[UUID]:
    """Select the ids of open payments to ask the platform about, longest due first."""
    return (
        select(Payment.id)
        .where(Payment.due_at <= now, Payment.status.in_(OPEN))
        .order_by(Payment.due_at)
    )


def due_refunds(now: datetime) -> Select[UUID]:
    """Select the ids of refunds to send or ask about, longest due first."""
    return select(Refund.id).where(Refund.due_at <= now).order_by(Refund.due_at)


def due_delivery_reports(now: datetime) -> Select[UUID]:
    """Select the payment ids of deliveries to report, longest due first."""
    return (
        select(DeliveryReport.payment_id)
        .where(DeliveryReport.due_at <= now)
        .order_by(DeliveryReport.due_at)
    )


def list_captured_between(
    session: Session, channel: Channel, start: datetime, end: datetime
) -> Sequence[Payment]:
    """Return payments of a channel captured in the half-open window."""
    return session.scalars(
        select(Payment).where(
            Payment.channel == channel, Payment.captured_at >= start, Payment.captured_at < end
        )
    ).all()


def list_named(
    session: Session, channel: Channel, out_trade_nos: Collection[str]
) -> Sequence[Payment]:
    """Return the channel's payments with these numbers, however they stand."""
    return session.scalars(
        select(Payment).where(
            Payment.channel == channel, Payment.out_trade_no == _any_of(out_trade_nos)
        )
    ).all()


def list_refunds_named(
    session: Session, channel: Channel, out_refund_nos: Collection[str]
) -> Sequence[tuple[Refund, Payment]]:
    """Return the channel's refunds with these numbers, however they stand, and their payments."""
    rows = session.execute(
        select(Refund, Payment)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Payment.channel == channel, Refund.out_refund_no == _any_of(out_refund_nos))
    )
    return [(refund, payment) for refund, payment in rows]


def list_refunded_between(
    session: Session, channel: Channel, start: datetime, end: datetime
) -> Sequence[tuple[Refund, Payment]]:
    """Return refunds of a channel confirmed in the half-open window, with their payments."""
    rows = session.execute(
        select(Refund, Payment)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Payment.channel == channel, Refund.done_at >= start, Refund.done_at < end)
    )
    return [(refund, payment) for refund, payment in rows]


def _any_of(numbers: Collection[str]) -> CollectionAggregate[bool]:
    # One array, however long: a statement takes no more than 65,535 parameters.
    return any_(literal(list(numbers), ARRAY(String)))
