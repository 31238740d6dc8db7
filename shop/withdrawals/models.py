"""The table of withdrawals: each one transfer under one number, from asking to its end."""

from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, PrimaryId, positive_fen, text_enum
from kit.lifecycle import Lifecycle
from kit.money import Fen
from kit.sweep import Retried
from shop.payments.gateway import Channel


class WithdrawalStatus(StrEnum):
    """How a withdrawal stands, as leaders see it."""

    REQUESTED = "requested"
    IN_REVIEW = "in_review"  # an operator looks at it first
    APPROVED = "approved"  # nothing has been sent
    SENDING = "sending"  # the platform may have it
    AWAITING_USER = "awaiting_user"  # the leader must take it in the mini-program
    PAID = "paid"
    FAILED = "failed"  # the platform sends nothing
    CANCELLED = "cancelled"  # taken back before anything was sent
    REJECTED = "rejected"  # by an operator


S = WithdrawalStatus

WITHDRAWAL_LIFECYCLE = Lifecycle(
    "withdrawal",
    initial=S.REQUESTED,
    moves={
        S.REQUESTED: {S.IN_REVIEW, S.APPROVED, S.CANCELLED},
        S.IN_REVIEW: {S.APPROVED, S.REJECTED, S.CANCELLED},
        S.APPROVED: {S.SENDING, S.FAILED, S.CANCELLED},
        S.SENDING: {S.AWAITING_USER, S.PAID, S.FAILED, S.CANCELLED},
        S.AWAITING_USER: {S.PAID, S.FAILED, S.CANCELLED},
        S.PAID: set(),
        S.FAILED: set(),
        S.CANCELLED: set(),
        S.REJECTED: set(),
    },
)
UNSENT: Final = (S.REQUESTED, S.IN_REVIEW, S.APPROVED)
SENT: Final = (S.SENDING, S.AWAITING_USER)


class TakeBack(StrEnum):
    """Why a withdrawal is to be taken back if that is still possible."""

    MEMBER = "member"  # the leader wants it no more
    DEBT = "debt"  # what it was earned on came back: the debt is set off first


class Withdrawal(Base, Retried):
    """One withdrawal of one leader; `due_at` is when to send it or to ask about it."""

    __tablename__ = "withdrawals"
    __table_args__ = (
        positive_fen("amount_fen"),
        CheckConstraint("fee_fen >= 0 AND fee_fen < amount_fen", name="fee_sane"),
        CheckConstraint(
            "(status IN ('requested', 'in_review', 'approved', 'sending', 'awaiting_user'))"
            " = (ended_at IS NULL)",
            name="ended_whole",
        ),
        CheckConstraint(
            "(status IN ('approved', 'sending', 'awaiting_user')) = (due_at IS NOT NULL)",
            name="due_when",
        ),
        # Who is to be paid is kept as it was sent, for repeats, and no longer than for them.
        CheckConstraint(
            "(status IN ('sending', 'awaiting_user')) = (payee_ref IS NOT NULL)",
            name="payee_when",
        ),
        # Of two joined members each may have one open: whoever asked keeps their place.
        Index(
            "uq_withdrawals_open",
            "requested_by_id",
            unique=True,
            postgresql_where="ended_at IS NULL",
        ),
        Index("ix_withdrawals_member_id", "member_id", "id"),
        Index("ix_withdrawals_status", "status", "id"),
        Index("ix_withdrawals_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
    )
    lifecycle = WITHDRAWAL_LIFECYCLE

    id: Mapped[PrimaryId]
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    requested_by_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    channel: Mapped[Channel] = mapped_column(text_enum(Channel, name="channel_listed"))
    app_id: Mapped[str] = mapped_column(String(64))
    merchant_id: Mapped[str] = mapped_column(String(64))
    out_bill_no: Mapped[str] = mapped_column(String(32), unique=True)
    status: Mapped[WithdrawalStatus] = mapped_column(
        text_enum(WithdrawalStatus, name="status_listed")
    )
    amount_fen: Mapped[Fen]  # taken out of what is payable
    fee_fen: Mapped[Fen]  # kept of it
    payee_ref: Mapped[str | None] = mapped_column(String(128))
    platform_no: Mapped[str | None] = mapped_column(String(64))
    package_info: Mapped[str | None] = mapped_column(String(512))  # for the client's confirmation
    reason: Mapped[str | None] = mapped_column(String(200))  # why it came to nothing
    take_back: Mapped[TakeBack | None] = mapped_column(text_enum(TakeBack, name="take_back_listed"))
    unsure_at: Mapped[datetime | None]  # when it was last sent without a known outcome
    requested_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    @property
    def net_fen(self) -> Fen:
        """Return what the leader gets."""
        return Fen(self.amount_fen - self.fee_fen)
