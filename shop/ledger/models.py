"""Tables of the money ledger: accounts, and transfers between two of them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, PrimaryId, positive_fen, text_enum
from kit.money import Fen


class AccountKind(StrEnum):
    """What an account stands for; `rules.is_debit_kind` tells which of them debits raise."""

    CLEARING = "clearing"  # money a payment platform holds for us, one account per channel
    FEES = "fees"  # what the platforms keep
    UNEARNED = "unearned"  # paid by members, not delivered yet
    REFUNDS_DUE = "refunds_due"  # promised back to members, not confirmed by the platform yet
    SALES = "sales"  # earned by delivery
    COMMISSIONS = "commissions"  # what leaders cost us
    # Of one leader each: earned but not certain, to be paid, paid and then unearned.
    COMMISSION_PENDING = "commission_pending"
    COMMISSION_PAYABLE = "commission_payable"
    COMMISSION_DEBT = "commission_debt"
    COMMISSION_WITHDRAWING = "commission_withdrawing"  # asked for by a leader, not paid yet
    COMMISSION_PAYOUTS = (
        "commission_payouts"  # paid to leaders, until the platform's part is posted
    )
    WITHDRAWAL_FEES = "withdrawal_fees"  # what withdrawing costs leaders


class Account(Base):
    """One account; `owner` tells apart accounts of one kind (a channel, a member)."""

    __tablename__ = "accounts"
    __table_args__ = (UniqueConstraint("kind", "owner"),)

    id: Mapped[PrimaryId]
    kind: Mapped[AccountKind] = mapped_column(text_enum(AccountKind, name="kind_listed"))
    owner: Mapped[str] = mapped_column(String(64), default="")


class Transfer(Base):
    """Money from one account to another: balanced by construction, insert-only.

    `cause` and `leg` name why; their uniqueness makes a repeated posting impossible.
    """

    __tablename__ = "transfers"
    __table_args__ = (
        positive_fen("amount_fen"),
        CheckConstraint("debit_account_id <> credit_account_id", name="two_accounts"),
        UniqueConstraint("cause_kind", "cause_id", "leg"),
        Index("ix_transfers_order_id", "order_id"),
        # An account's entries, page by page.
        Index("ix_transfers_debit", "debit_account_id", "seq"),
        Index("ix_transfers_credit", "credit_account_id", "seq"),
        # Rows lie in the order of their moments: a few bytes for each block find a day's.
        Index(
            "ix_transfers_at",
            "at",
            postgresql_using="brin",
            postgresql_with={"pages_per_range": "16", "autosummarize": "on"},
        ),
    )

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    debit_account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    credit_account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    amount_fen: Mapped[Fen]
    cause_kind: Mapped[str] = mapped_column(String(32))
    cause_id: Mapped[UUID]
    leg: Mapped[str] = mapped_column(String(32))
    order_id: Mapped[UUID | None]  # opaque: whose money this is about, for proofs per order
    at: Mapped[datetime]
