"""Tables of members: the person, identities, sign-ins, consents, and avatars to be checked."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, PrimaryId, text_enum
from kit.lifecycle import Lifecycle
from kit.sweep import Retried
from shop.members.platforms import Platform


class MemberStatus(StrEnum):
    """How a member stands."""

    ACTIVE = "active"
    JOINED = "joined"  # became part of another member by their own act
    DELETED = "deleted"


MEMBER_LIFECYCLE = Lifecycle(
    "member",
    initial=MemberStatus.ACTIVE,
    moves={
        MemberStatus.ACTIVE: {MemberStatus.JOINED, MemberStatus.DELETED},
        MemberStatus.JOINED: set(),
        MemberStatus.DELETED: set(),
    },
)


class Member(Base):
    """A person. The phone number is stored sealed, and looked up by its keyed hash."""

    __tablename__ = "members"
    __table_args__ = (
        CheckConstraint("(phone_sealed IS NULL) = (phone_hash IS NULL)", name="phone_whole"),
        CheckConstraint("(status = 'joined') = (joined_into_id IS NOT NULL)", name="joined_whole"),
        CheckConstraint("leader_since IS NULL OR status = 'active'", name="leader_active"),
        Index(
            "ix_members_joined_into_id",
            "joined_into_id",
            postgresql_where="joined_into_id IS NOT NULL",
        ),
        Index(
            "ix_members_phone_tail_hash",
            "phone_tail_hash",
            "id",
            postgresql_where="phone_tail_hash IS NOT NULL",
        ),
        # Of the console's lists and its search by the end of an id, which is a member's number.
        Index("ix_members_number", text("right(CAST(id AS text), 6)"), "id"),
        Index("ix_members_gone", "status", "id", postgresql_where="status <> 'active'"),
        Index("ix_members_leaders", "id", postgresql_where="leader_since IS NOT NULL"),
        Index("ix_members_applicants", "id", postgresql_where="leader_applied_at IS NOT NULL"),
    )
    lifecycle = MEMBER_LIFECYCLE

    id: Mapped[PrimaryId]
    status: Mapped[MemberStatus] = mapped_column(text_enum(MemberStatus, name="status_listed"))
    nickname: Mapped[str | None] = mapped_column(String(40))
    avatar_url: Mapped[str | None] = mapped_column(String(500))
    is_avatar_fit: Mapped[bool] = mapped_column(default=False)  # others see no other avatar
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    # Of the last four digits: people who ask for help tell them, and they are shown to operators.
    phone_tail_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    joined_into_id: Mapped[UUID | None] = mapped_column(ForeignKey("members.id"))
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    leader_since: Mapped[datetime | None]  # 团长: approved by an operator
    leader_applied_at: Mapped[datetime | None]  # until an operator has said yes or no
    leader_declined_why: Mapped[str | None] = mapped_column(String(200))  # of the last no

    def __repr__(self) -> str:
        """Show the id alone: a member in a log line tells nothing about the person."""
        return f"<Member {self.id}>"


class Identity(Base):
    """A member as one application of one platform knows them."""

    __tablename__ = "identities"
    __table_args__ = (
        UniqueConstraint("platform", "app_id", "open_id"),
        Index("ix_identities_union_id", "platform", "union_id"),
    )

    id: Mapped[PrimaryId]
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"), index=True)
    platform: Mapped[Platform] = mapped_column(text_enum(Platform, name="platform_listed"))
    app_id: Mapped[str] = mapped_column(String(64))
    open_id: Mapped[str] = mapped_column(String(128))
    union_id: Mapped[str | None] = mapped_column(String(128))
    created_at: Mapped[datetime]

    def __repr__(self) -> str:
        """Leave the open id out of logs."""
        return f"<Identity {self.id} {self.platform}>"


class SignIn(Base):
    """One sign-in of one device, good for 30 days; only the keyed hash of its token is kept."""

    __tablename__ = "sign_ins"
    __table_args__ = (
        Index(
            "ix_sign_ins_device_hash",
            "device_hash",
            postgresql_where="device_hash IS NOT NULL",
        ),
    )

    id: Mapped[PrimaryId]
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"), index=True)
    identity_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("identities.id", ondelete="SET NULL")
    )
    platform: Mapped[Platform] = mapped_column(text_enum(Platform, name="platform_listed"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    # Of what the client says its device is, keyed; it tells that two accounts share a device.
    device_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]


class Consent(Base):
    """A member's consent to one version of one document, and its withdrawal."""

    __tablename__ = "consents"
    __table_args__ = (UniqueConstraint("member_id", "document", "version", "given_at"),)

    id: Mapped[PrimaryId]
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"), index=True)
    document: Mapped[str] = mapped_column(String(32))
    version: Mapped[str] = mapped_column(String(16))
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class AvatarStatus(StrEnum):
    """How the check of an avatar stands."""

    WAITING = "waiting"
    ASKED = "asked"  # the platform looks at it, and tells later
    PASSED = "passed"
    REFUSED = "refused"
    REPLACED = "replaced"  # the member has another by now, or none


A = AvatarStatus
AVATAR_LIFECYCLE = Lifecycle(
    "avatar check",
    initial=A.WAITING,
    moves={
        A.WAITING: {A.ASKED, A.REPLACED},
        A.ASKED: {A.WAITING, A.PASSED, A.REFUSED, A.REPLACED},
        A.PASSED: set(),
        A.REFUSED: set(),
        A.REPLACED: set(),
    },
)


class AvatarCheck(Base, Retried):
    """An avatar that others see once a platform has found nothing in it.

    `due_at`: ask the platform, for the first time or because no verdict came. Empty while it waits:
    it was asked too often, or no platform of the member's looks at pictures.
    """

    __tablename__ = "avatar_checks"
    __table_args__ = (
        Index("ix_avatar_checks_member_id", "member_id"),
        Index("ix_avatar_checks_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
    )
    lifecycle = AVATAR_LIFECYCLE

    id: Mapped[PrimaryId]
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    url: Mapped[str] = mapped_column(String(500))
    status: Mapped[AvatarStatus] = mapped_column(text_enum(AvatarStatus, name="status_listed"))
    trace_id: Mapped[str | None] = mapped_column(String(128), unique=True)  # of the last question
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
