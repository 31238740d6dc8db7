"""Tables of exports: what was asked for and how it stands, and the files in chunks."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, PrimaryId, text_enum
from kit.lifecycle import Lifecycle
from kit.sweep import Retried


class ExportKind(StrEnum):
    """Which list it is of."""

    ORDERS = "orders"
    PAYMENTS = "payments"
    REFUNDS = "refunds"
    STATEMENTS = "statements"
    LEDGER = "ledger"
    AUDIT = "audit"


class ExportFormat(StrEnum):
    """What kind of file it is."""

    CSV = "csv"
    XLSX = "xlsx"


class ExportStatus(StrEnum):
    """How an export stands."""

    QUEUED = "queued"
    WRITING = "writing"
    DONE = "done"
    FAILED = "failed"
    DELETED = "deleted"  # the file is gone: its time was over, or somebody deleted it


EXPORT_LIFECYCLE = Lifecycle(
    "export",
    initial=ExportStatus.QUEUED,
    moves={
        ExportStatus.QUEUED: {ExportStatus.WRITING, ExportStatus.DELETED},
        ExportStatus.WRITING: {ExportStatus.DONE, ExportStatus.FAILED, ExportStatus.DELETED},
        ExportStatus.DONE: {ExportStatus.DELETED},
        ExportStatus.FAILED: {ExportStatus.DELETED},
        ExportStatus.DELETED: set(),
    },
)


class Export(Base, Retried):
    """One file that an operator asked for; `due_at` is when to write it, or to delete it."""

    __tablename__ = "exports"
    __table_args__ = (
        CheckConstraint("row_count >= 0 AND byte_count >= 0", name="counts_sane"),
        CheckConstraint(
            "(status IN ('queued', 'writing', 'done')) = (due_at IS NOT NULL)", name="due_when"
        ),
        CheckConstraint("(status = 'done') <= (sha256 IS NOT NULL)", name="done_whole"),
        Index("ix_exports_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
        Index("ix_exports_operator_id", "operator_id", "id"),
    )
    lifecycle = EXPORT_LIFECYCLE

    id: Mapped[PrimaryId]
    kind: Mapped[ExportKind] = mapped_column(text_enum(ExportKind, name="kind_listed"))
    format: Mapped[ExportFormat] = mapped_column(text_enum(ExportFormat, name="format_listed"))
    query: Mapped[dict[str, Any]]  # what the list was narrowed by
    status: Mapped[ExportStatus] = mapped_column(text_enum(ExportStatus, name="status_listed"))
    operator_id: Mapped[UUID] = mapped_column(ForeignKey("operators.id"))
    asked_by: Mapped[str] = mapped_column(String(64))
    asked_at: Mapped[datetime]
    file_name: Mapped[str] = mapped_column(String(80))
    row_count: Mapped[int] = mapped_column(default=0)
    byte_count: Mapped[int] = mapped_column(BigInteger, default=0)
    sha256: Mapped[str | None] = mapped_column(String(64))
    ended_at: Mapped[datetime | None]


class ExportChunk(Base):
    """A piece of a file; together they are the file."""

    __tablename__ = "export_chunks"

    export_id: Mapped[UUID] = mapped_column(
        ForeignKey("exports.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)
