"""Tables of payments: trades opened at a platform, refunds, notices, deliveries to report."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, PrimaryId, positive_fen, text_enum
from kit.lifecycle import Lifecycle
from kit.money import Fen
from kit.sweep import Retried
from shop.payments.gateway import Channel


class PaymentStatus(StrEnum):
    """How a trade of ours stands."""

    CREATED = "created"  # written down before the platform is asked
    PREPAID = "prepaid"  # opened at the platform; the member may pay
    CAPTURED = "captured"  # the platform has the money for us
    CLOSED = "closed"  # can no longer be paid


PAYMENT_LIFECYCLE = Lifecycle(
    "payment",
    initial=PaymentStatus.CREATED,
    moves={
        PaymentStatus.CREATED: {
            PaymentStatus.PREPAID,
            PaymentStatus.CAPTURED,
            PaymentStatus.CLOSED,
        },
        PaymentStatus.PREPAID: {PaymentStatus.CAPTURED, PaymentStatus.CLOSED},
        # Money that arrives although we believed the trade closed is booked all the same.
        PaymentStatus.CLOSED: {PaymentStatus.CAPTURED},
        PaymentStatus.CAPTURED: set(),
    },
)


# Which rows the index of the console's list holds, said so that nothing else comes to use it: a
# plan that was made while the table was nearly empty would prefer it, and be kept.
LISTED: Final = "CAST(payments.channel AS text) <> ''"


class Payment(Base, Retried):
    """One trade at one platform for one order; `due_at` is when to ask the platform about it."""

    __tablename__ = "payments"
    __table_args__ = (
        positive_fen("amount_fen"),
        UniqueConstraint("order_id", "attempt"),
        UniqueConstraint("channel", "transaction_no"),
        # A second trade may be opened only after the first is closed or paid.
        Index(
            "uq_payments_open",
            "order_id",
            unique=True,
            postgresql_where="status IN ('created', 'prepaid')",
        ),
        CheckConstraint(
            "(status = 'captured') = (transaction_no IS NOT NULL AND captured_at IS NOT NULL)",
            name="captured_whole",
        ),
        Index("ix_payments_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
        Index("ix_payments_captured_at", "channel", "captured_at"),
        Index("ix_payments_listed", "channel", "status", "id", postgresql_where=LISTED),
        Index("ix_payments_payer_hash", "payer_hash", postgresql_where="payer_hash IS NOT NULL"),
    )
    lifecycle = PAYMENT_LIFECYCLE

    id: Mapped[PrimaryId]
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    attempt: Mapped[int]
    channel: Mapped[Channel] = mapped_column(text_enum(Channel, name="channel_listed"))
    app_id: Mapped[str] = mapped_column(String(64))
    merchant_id: Mapped[str] = mapped_column(String(64))
    out_trade_no: Mapped[str] = mapped_column(String(32), unique=True)
    status: Mapped[PaymentStatus] = mapped_column(text_enum(PaymentStatus, name="status_listed"))
    amount_fen: Mapped[Fen]
    platform_ref: Mapped[str | None] = mapped_column(String(128))
    params: Mapped[dict[str, Any] | None]  # what the client library takes
    transaction_no: Mapped[str | None] = mapped_column(String(64))
    # Keyed hashes of open ids: of whom the trade was opened for, and of who paid.
    opened_for: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    payer_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    captured_at: Mapped[datetime | None]


class RefundStatus(StrEnum):
    """How a refund stands."""

    REQUESTED = "requested"
    SENT = "sent"  # the platform has it and has not finished
    DONE = "done"
    STUCK = "stuck"  # the platform cannot give the money back by itself; a person must act


REFUND_LIFECYCLE = Lifecycle(
    "refund",
    initial=RefundStatus.REQUESTED,
    moves={
        RefundStatus.REQUESTED: {RefundStatus.SENT, RefundStatus.DONE, RefundStatus.STUCK},
        RefundStatus.SENT: {RefundStatus.DONE, RefundStatus.STUCK},
        RefundStatus.STUCK: {RefundStatus.DONE, RefundStatus.REQUESTED},
        RefundStatus.DONE: set(),
    },
)


class RefundReason(StrEnum):
    """Why money goes back."""

    MEMBER = "member"  # the member asked, by the SKU's rule
    LATE = "late"  # the payment came after the order had closed and could not be revived
    DOUBLE = "double"  # the order was paid already
    UNDELIVERABLE = "undeliverable"  # paid, but nothing could be delivered
    GROUP_FAILED = "group_failed"  # not enough members in time
    GROUP_LATE = "group_late"  # paid when the group or order sheet took nobody any more
    LEFT = "left"  # the member left the group or order sheet
    PRICE_DROP = "price_drop"  # more members, a lower price for all
    SHEET_FAILED = "sheet_failed"  # the order sheet missed its minimum, or was called off

    @property
    def letter(self) -> str:
        """Return the letter by which refund numbers tell reasons apart; it never changes."""
        return _LETTERS[self]


_LETTERS = {
    RefundReason.MEMBER: "M",
    RefundReason.LATE: "L",
    RefundReason.DOUBLE: "D",
    RefundReason.UNDELIVERABLE: "U",
    RefundReason.GROUP_FAILED: "G",
    RefundReason.GROUP_LATE: "T",
    RefundReason.LEFT: "X",
    RefundReason.PRICE_DROP: "P",
    RefundReason.SHEET_FAILED: "S",
}


class Refund(Base, Retried):
    """One refund under one fixed number, sent and asked about until the platform confirms it."""

    __tablename__ = "refunds"
    __table_args__ = (
        positive_fen("amount_fen"),
        UniqueConstraint("payment_id", "reason", "seq"),
        CheckConstraint("(status = 'done') = (done_at IS NOT NULL)", name="done_whole"),
        Index("ix_refunds_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
        Index("ix_refunds_done_at", "done_at"),
        Index(
            "ix_refunds_open",
            "status",
            "id",
            postgresql_where="status IN ('requested', 'sent', 'stuck')",
        ),
    )
    lifecycle = REFUND_LIFECYCLE

    id: Mapped[PrimaryId]
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"), index=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    reason: Mapped[RefundReason] = mapped_column(text_enum(RefundReason, name="reason_listed"))
    seq: Mapped[int]
    out_refund_no: Mapped[str] = mapped_column(String(64), unique=True)
    status: Mapped[RefundStatus] = mapped_column(text_enum(RefundStatus, name="status_listed"))
    amount_fen: Mapped[Fen]
    platform_refund_no: Mapped[str | None] = mapped_column(String(64))
    requested_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


class Notice(Base):
    """An authenticated notice as it came, once per platform id. Insert-only."""

    __tablename__ = "notices"
    __table_args__ = (UniqueConstraint("channel", "notice_id"),)

    id: Mapped[PrimaryId]
    channel: Mapped[Channel] = mapped_column(text_enum(Channel, name="channel_listed"))
    notice_id: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(64))
    out_trade_no: Mapped[str | None] = mapped_column(String(64), index=True)
    received_at: Mapped[datetime]


class SecurityEvent(Base):
    """Something that should not happen: a rejected notice, an amount that differs. Insert-only."""

    __tablename__ = "security_events"
    __table_args__ = (Index("ix_security_events_subject", "subject", "id"),)

    id: Mapped[PrimaryId]
    kind: Mapped[str] = mapped_column(String(64), index=True)
    subject: Mapped[str] = mapped_column(String(64))
    detail: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(index=True)


class DeliveryReport(Base, Retried):
    """A delivery to be reported to WeChat (发货信息管理), tried until the platform has it."""

    __tablename__ = "delivery_reports"
    __table_args__ = (
        Index("ix_delivery_reports_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
    )

    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"), primary_key=True)
    member_id: Mapped[UUID]
    item: Mapped[str] = mapped_column(String(120))
    delivered_at: Mapped[datetime]
    reported_at: Mapped[datetime | None]
