"""Tables of reports: business days, what each account moved on them, what was sold and refunded."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, PrimaryId, text_enum
from kit.money import Fen
from kit.sweep import Retried
from shop.payments.gateway import Channel
from shop.payments.models import RefundReason


class ReportDay(Base, Retried):
    """One business day of the ledger; summed anew until nothing can come to it any more."""

    __tablename__ = "report_days"
    __table_args__ = (
        CheckConstraint("NOT is_closed OR summed_at IS NOT NULL", name="closed_whole"),
        CheckConstraint("is_closed = (due_at IS NULL)", name="due_when"),
        Index("ix_report_days_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
    )

    id: Mapped[PrimaryId]
    day: Mapped[date] = mapped_column(Date, unique=True)
    summed_at: Mapped[datetime | None]
    is_closed: Mapped[bool] = mapped_column(default=False)


class AccountDay(Base):
    """What one account moved on one day: the sums of its transfers, and between which they lie."""

    __tablename__ = "account_days"
    __table_args__ = (
        CheckConstraint("debits_fen >= 0 AND credits_fen >= 0", name="sums_sane"),
        Index("ix_account_days_day", "day"),
    )

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    debits_fen: Mapped[Fen]
    credits_fen: Mapped[Fen]
    entries: Mapped[int]
    first_seq: Mapped[int] = mapped_column(BigInteger)
    last_seq: Mapped[int] = mapped_column(BigInteger)


class FigureKind(StrEnum):
    """What a figure counts."""

    PAID = "paid"  # money that came in
    PROMISED_BACK = "promised_back"  # refunds, on the day they were promised
    GIVEN_BACK = "given_back"  # refunds, on the day the platform confirmed them


class DayFigure(Base):
    """How much of one kind there was on a day, by channel, SKU, campaign and reason.

    Money that came in late or twice is of no SKU: it was promised back, and bought nothing.
    """

    __tablename__ = "day_figures"
    __table_args__ = (
        CheckConstraint("things >= 0 AND units >= 0 AND amount_fen >= 0", name="sums_sane"),
        Index("ix_day_figures_day", "day", "kind"),
    )

    seq: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    day: Mapped[date] = mapped_column(Date)
    kind: Mapped[FigureKind] = mapped_column(text_enum(FigureKind, name="kind_listed"))
    channel: Mapped[Channel] = mapped_column(text_enum(Channel, name="channel_listed"))
    sku_id: Mapped[UUID | None]
    campaign_id: Mapped[UUID | None]
    reason: Mapped[RefundReason | None] = mapped_column(
        text_enum(RefundReason, name="reason_listed")
    )
    things: Mapped[int]  # payments or refunds; one of several lines counts at its first
    units: Mapped[int]
    amount_fen: Mapped[Fen]
