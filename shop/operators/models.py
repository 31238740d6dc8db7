"""Tables of operators: the operator, recovery codes, sessions, deeds, and views they saved."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, PrimaryId, text_enum
from kit.lifecycle import Lifecycle


class OperatorStatus(StrEnum):
    """Whether an operator may sign in."""

    ACTIVE = "active"
    DISABLED = "disabled"


OPERATOR_LIFECYCLE = Lifecycle(
    "operator",
    initial=OperatorStatus.ACTIVE,
    moves={
        OperatorStatus.ACTIVE: {OperatorStatus.DISABLED},
        OperatorStatus.DISABLED: {OperatorStatus.ACTIVE},
    },
)


class Operator(Base):
    """Somebody who works in the console; `totp_step` is the last code's, so none is taken twice.

    What fails in browsers that the operator signed in from is counted apart (`known_…`), so that
    strangers cannot lock the operator out of them. `must_renew`: somebody else knows what they sign
    in with. `entitled_at`: when another gave them roles, credentials or a way in that they lacked.
    """

    __tablename__ = "operators"
    __table_args__ = (
        CheckConstraint("failures >= 0", name="failures_sane"),
        CheckConstraint("known_failures >= 0", name="known_failures_sane"),
    )
    lifecycle = OPERATOR_LIFECYCLE

    id: Mapped[PrimaryId]
    name: Mapped[str] = mapped_column(String(32), unique=True)
    status: Mapped[OperatorStatus] = mapped_column(text_enum(OperatorStatus, name="status_listed"))
    roles: Mapped[list[str]]
    password_hash: Mapped[str] = mapped_column(String(200))
    totp_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    totp_step: Mapped[int] = mapped_column(BigInteger, default=0)
    failures: Mapped[int] = mapped_column(default=0)  # in a row
    locked_until: Mapped[datetime | None]  # also the moment of a failure that locks nothing
    known_failures: Mapped[int] = mapped_column(default=0)
    known_locked_until: Mapped[datetime | None]
    must_renew: Mapped[bool] = mapped_column(default=False, server_default=false())
    entitled_at: Mapped[datetime | None]
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]

    @property
    def entitled_since(self) -> datetime:
        """Return since when they have had what they have."""
        return self.entitled_at or self.created_at


class RecoveryCode(Base):
    """A code that stands in, once, for the second factor of an operator who lost it."""

    __tablename__ = "operator_recovery_codes"

    operator_id: Mapped[UUID] = mapped_column(ForeignKey("operators.id"), primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    used_at: Mapped[datetime | None]


class OperatorSession(Base):
    """A stay in the console, known by the keyed hash of its token."""

    __tablename__ = "operator_sessions"
    __table_args__ = (Index("ix_operator_sessions_operator_id", "operator_id"),)

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    operator_id: Mapped[UUID] = mapped_column(ForeignKey("operators.id"))
    address: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class OperatorAction(Base):
    """What an operator did: to what, how it stood before, how it stands after. Insert-only."""

    __tablename__ = "operator_actions"
    __table_args__ = (
        Index("ix_operator_actions_subject", "subject", "id"),
        Index("ix_operator_actions_actor", "actor", "id"),
        Index("ix_operator_actions_action", "action", "id"),
    )

    id: Mapped[PrimaryId]
    at: Mapped[datetime]
    operator_id: Mapped[UUID | None] = mapped_column(ForeignKey("operators.id"))  # None: a command
    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(64))
    subject_kind: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(64))
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    address: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(String(64))


class SavedView(Base):
    """A list of the console as its owner narrowed it; `page` is the list's endpoint."""

    __tablename__ = "saved_views"
    __table_args__ = (
        UniqueConstraint("operator_id", "page", "name"),
        Index("ix_saved_views_shared", "page", postgresql_where=text("is_shared")),
    )

    id: Mapped[PrimaryId]
    operator_id: Mapped[UUID] = mapped_column(ForeignKey("operators.id"))
    page: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(40))
    query: Mapped[str] = mapped_column(String(1000))
    is_shared: Mapped[bool]
    created_at: Mapped[datetime]
