"""Tables of reconciliation: the platforms' bills, their rows, and the differences found."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Date, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, PrimaryId, fen_not_negative, text_enum
from kit.lifecycle import Lifecycle
from kit.money import Fen
from kit.sweep import Retried
from shop.payments.gateway import BillRowKind, Channel


class BillDay(Base, Retried):
    """One platform's bill of one business day; matched again whenever it is asked for."""

    __tablename__ = "bill_days"
    __table_args__ = (
        UniqueConstraint("channel", "day"),
        Index("ix_bill_days_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
    )

    id: Mapped[PrimaryId]
    channel: Mapped[Channel] = mapped_column(text_enum(Channel, name="channel_listed"))
    day: Mapped[date] = mapped_column(Date)
    sha256: Mapped[str | None] = mapped_column(String(64))
    downloaded_at: Mapped[datetime | None]
    matched_at: Mapped[datetime | None]


class BillLine(Base):
    """One row of a bill, as the platform wrote it."""

    __tablename__ = "bill_lines"
    __table_args__ = (
        fen_not_negative("amount_fen"),
        Index("ix_bill_lines_bill_day_id", "bill_day_id", "id"),
    )

    id: Mapped[PrimaryId]
    bill_day_id: Mapped[UUID] = mapped_column(ForeignKey("bill_days.id", ondelete="CASCADE"))
    kind: Mapped[BillRowKind] = mapped_column(text_enum(BillRowKind, name="kind_listed"))
    transaction_no: Mapped[str] = mapped_column(String(64))
    out_trade_no: Mapped[str] = mapped_column(String(64))
    out_refund_no: Mapped[str | None] = mapped_column(String(64))
    amount_fen: Mapped[Fen]
    fee_fen: Mapped[int]
    at: Mapped[datetime]


class DifferenceKind(StrEnum):
    """How the bill, our payments and the ledger may disagree."""

    PAYMENT_MISSING_HERE = "payment_missing_here"
    PAYMENT_MISSING_THERE = "payment_missing_there"
    PAYMENT_AMOUNT = "payment_amount"
    REFUND_MISSING_HERE = "refund_missing_here"
    REFUND_MISSING_THERE = "refund_missing_there"
    REFUND_AMOUNT = "refund_amount"
    LEDGER_MISSING = "ledger_missing"
    LEDGER_AMOUNT = "ledger_amount"
    DUPLICATE_ROW = "duplicate_row"
    UNKNOWN_NUMBER = "unknown_number"


class DifferenceStatus(StrEnum):
    """Whether a difference still wants somebody."""

    OPEN = "open"
    RESOLVED = "resolved"


DIFFERENCE_LIFECYCLE = Lifecycle(
    "difference",
    initial=DifferenceStatus.OPEN,
    moves={
        DifferenceStatus.OPEN: {DifferenceStatus.RESOLVED},
        DifferenceStatus.RESOLVED: {DifferenceStatus.OPEN},
    },
)


class Difference(Base):
    """One disagreement about one number on one day, open until it is resolved."""

    __tablename__ = "differences"
    __table_args__ = (
        UniqueConstraint("channel", "day", "kind", "number"),
        Index("ix_differences_status", "status", "id"),
    )
    lifecycle = DIFFERENCE_LIFECYCLE

    id: Mapped[PrimaryId]
    channel: Mapped[Channel] = mapped_column(text_enum(Channel, name="channel_listed"))
    day: Mapped[date] = mapped_column(Date)
    kind: Mapped[DifferenceKind] = mapped_column(text_enum(DifferenceKind, name="kind_listed"))
    number: Mapped[str] = mapped_column(String(64))  # out_trade_no or out_refund_no
    detail: Mapped[dict[str, Any]]
    status: Mapped[DifferenceStatus] = mapped_column(
        text_enum(DifferenceStatus, name="status_listed")
    )
    found_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    resolution: Mapped[str | None] = mapped_column(String(200))
