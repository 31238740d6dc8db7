"""The table of approvals: what was asked for by whom, and what another operator said to it."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, PrimaryId, text_enum
from kit.lifecycle import Lifecycle
from kit.money import Fen
from kit.sweep import Retried


class ApprovalKind(StrEnum):
    """What is asked for."""

    REFUND = "refund"  # a large one
    PUBLISH = "publish"  # a campaign below cost
    UNDO_BATCH = "undo_batch"  # of many cards
    EXPORT_CODES = "export_codes"  # in plain text, however few
    ADD_SKU = "add_sku"  # that sells at a loss
    CHANGE_SKU = "change_sku"  # to a larger loss, or to a lower cost


class ApprovalStatus(StrEnum):
    """How a request stands."""

    WAITING = "waiting"
    CARRIED_OUT = "carried_out"
    FAILED = "failed"  # approved, but by then the shop refused it; the outcome says why
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"  # by whoever asked
    EXPIRED = "expired"


S = ApprovalStatus

APPROVAL_LIFECYCLE = Lifecycle(
    "approval",
    initial=S.WAITING,
    moves={
        S.WAITING: {S.CARRIED_OUT, S.FAILED, S.REFUSED, S.WITHDRAWN, S.EXPIRED},
        S.CARRIED_OUT: set(),
        S.FAILED: set(),
        S.REFUSED: set(),
        S.WITHDRAWN: set(),
        S.EXPIRED: set(),
    },
)
DECIDED: Final = (S.CARRIED_OUT, S.FAILED, S.REFUSED)
MOST_WORDS: Final = 200


class Approval(Base, Retried):
    """A request of one operator that another decides; what it asks for never changes.

    `due_at` is when it expires, as long as it waits.
    """

    __tablename__ = "approvals"
    __table_args__ = (
        CheckConstraint("decided_by_id <> asked_by_id", name="two_persons"),
        CheckConstraint(
            "(status IN ('carried_out', 'failed', 'refused')) = (decided_by_id IS NOT NULL)",
            name="decided_by_somebody",
        ),
        CheckConstraint("(status = 'waiting') = (ended_at IS NULL)", name="ended_whole"),
        CheckConstraint("(status = 'waiting') = (due_at IS NOT NULL)", name="due_when"),
        CheckConstraint("expires_at > asked_at", name="lasts"),
        CheckConstraint("amount_fen >= 0", name="amount_fen_sane"),  # a subsidy may be any
        Index(
            "uq_approvals_waiting",
            "kind",
            "subject",
            unique=True,
            postgresql_where="status = 'waiting'",
        ),
        Index("ix_approvals_asked_by_id", "asked_by_id", "id"),
        Index("ix_approvals_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
    )
    lifecycle = APPROVAL_LIFECYCLE

    id: Mapped[PrimaryId]
    kind: Mapped[ApprovalKind] = mapped_column(text_enum(ApprovalKind, name="kind_listed"))
    subject: Mapped[str] = mapped_column(String(64))  # the id of what it is done to
    arguments: Mapped[dict[str, Any]]
    amount_fen: Mapped[Fen | None]
    why: Mapped[str] = mapped_column(String(MOST_WORDS))
    status: Mapped[ApprovalStatus] = mapped_column(text_enum(ApprovalStatus, name="status_listed"))
    asked_by_id: Mapped[UUID] = mapped_column(ForeignKey("operators.id"))
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    decided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("operators.id"))
    answer: Mapped[str | None] = mapped_column(String(MOST_WORDS))  # of whoever decided
    outcome: Mapped[dict[str, Any] | None]  # how its subject stands after it, or what refused it
    ended_at: Mapped[datetime | None]
