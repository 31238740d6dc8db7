"""Tables of what single members are told: inbox, deliveries to a platform, grants, mutes."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, PrimaryId, text_enum
from kit.lifecycle import Lifecycle
from kit.sweep import Retried
from shop.members.platforms import Platform


class NoticeKind(StrEnum):
    """What a message to one member is about."""

    GROUP_FORMED = "group_formed"
    GROUP_FAILED = "group_failed"
    ORDER_REFUNDED = "order_refunded"
    CARDS_READY = "cards_ready"
    UNIT_OFFERED = "unit_offered"
    OPENING_SOON = "opening_soon"
    COMMISSION_EARNED = "commission_earned"
    CAMPAIGN_NEWS = "campaign_news"  # a push whose owner did not confirm
    SHEET_CONFIRMED = "sheet_confirmed"
    SHEET_FAILED = "sheet_failed"  # or was called off
    SEAT_MOVED = "seat_moved"
    GROUP_NUDGED = "group_nudged"


# Whoever bought must hear of these.
TRANSACTIONAL: Final = frozenset(
    {
        NoticeKind.GROUP_FORMED,
        NoticeKind.GROUP_FAILED,
        NoticeKind.ORDER_REFUNDED,
        NoticeKind.CARDS_READY,
        NoticeKind.SHEET_CONFIRMED,
        NoticeKind.SHEET_FAILED,
        NoticeKind.SEAT_MOVED,
    }
)


class InboxMessage(Base):
    """A message that is there whatever any platform does; one per member and cause."""

    __tablename__ = "inbox_messages"
    __table_args__ = (
        UniqueConstraint("member_id", "cause"),
        Index("ix_inbox_messages_member_id", "member_id", "id"),
        Index("ix_inbox_messages_unread", "member_id", postgresql_where="read_at IS NULL"),
    )

    id: Mapped[PrimaryId]
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    kind: Mapped[NoticeKind] = mapped_column(text_enum(NoticeKind, name="kind_listed"))
    cause: Mapped[str] = mapped_column(String(120))  # what it tells of, so that it is told once
    title: Mapped[str] = mapped_column(String(40))
    body: Mapped[str] = mapped_column(String(300))
    page: Mapped[str] = mapped_column(String(128))  # of the mini-program, with its query
    facts: Mapped[dict[str, Any]]  # what a platform's template may name
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]


class Mute(Base):
    """A kind of message that a member does not want."""

    __tablename__ = "inbox_mutes"
    __table_args__ = (Index("ix_inbox_mutes_kind", "kind"),)

    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"), primary_key=True)
    kind: Mapped[NoticeKind] = mapped_column(
        text_enum(NoticeKind, name="kind_listed"), primary_key=True
    )
    at: Mapped[datetime]


class MemberTemplate(Base):
    """How a platform words one kind of message: its template, and what fills its fields."""

    __tablename__ = "member_templates"

    kind: Mapped[NoticeKind] = mapped_column(
        text_enum(NoticeKind, name="kind_listed"), primary_key=True
    )
    platform: Mapped[Platform] = mapped_column(
        text_enum(Platform, name="platform_listed"), primary_key=True
    )
    template_id: Mapped[str] = mapped_column(String(64))
    fields: Mapped[dict[str, Any]]  # {"thing1": "{campaign}", …}
    changed_by: Mapped[str] = mapped_column(String(64))
    changed_at: Mapped[datetime]


class GrantAnswer(StrEnum):
    """What a member answered when the mini-program asked to send one message."""

    ACCEPT = "accept"
    REJECT = "reject"
    BAN = "ban"  # the platform does not let the template be asked for
    FILTER = "filter"  # another template of the same title was asked for beside it


class GrantStatus(StrEnum):
    """How a grant stands."""

    OPEN = "open"
    RESERVED = "reserved"  # for one delivery
    USED = "used"
    CLOSED = "closed"  # the platform knows none, or the member took it back


GRANT_LIFECYCLE = Lifecycle(
    "grant",
    initial=GrantStatus.OPEN,
    moves={
        GrantStatus.OPEN: {GrantStatus.RESERVED, GrantStatus.CLOSED},
        GrantStatus.RESERVED: {GrantStatus.OPEN, GrantStatus.USED, GrantStatus.CLOSED},
        GrantStatus.USED: set(),
        GrantStatus.CLOSED: set(),
    },
)


class SubscribeGrant(Base):
    """Leave to send one member one message of one template, once."""

    __tablename__ = "subscribe_grants"
    __table_args__ = (
        Index(
            "ix_subscribe_grants_open",
            "member_id",
            "template_id",
            "id",
            postgresql_where="status = 'open'",
        ),
        Index("ix_subscribe_grants_member_id", "member_id", "id"),
    )
    lifecycle = GRANT_LIFECYCLE

    id: Mapped[PrimaryId]
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    template_id: Mapped[str] = mapped_column(String(64))
    status: Mapped[GrantStatus] = mapped_column(text_enum(GrantStatus, name="status_listed"))
    granted_at: Mapped[datetime]


class DeliveryStatus(StrEnum):
    """How far a message got beyond the inbox."""

    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"  # handed over, no answer came; it is not sent again
    INBOX_ONLY = "inbox_only"  # no platform takes it


DELIVERY_LIFECYCLE = Lifecycle(
    "delivery",
    initial=DeliveryStatus.PLANNED,
    moves={
        DeliveryStatus.PLANNED: {DeliveryStatus.SENDING, DeliveryStatus.INBOX_ONLY},
        DeliveryStatus.SENDING: {
            DeliveryStatus.PLANNED,  # surely not sent, or another channel is tried
            DeliveryStatus.SENT,
            DeliveryStatus.UNKNOWN,
            DeliveryStatus.INBOX_ONLY,
        },
        DeliveryStatus.SENT: set(),
        DeliveryStatus.UNKNOWN: set(),
        DeliveryStatus.INBOX_ONLY: set(),
    },
)


class Delivery(Base, Retried):
    """The way of one inbox message to a platform; it has the message's id."""

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint("(status = 'sent') = (sent_at IS NOT NULL)", name="sent_when"),
        Index("ix_deliveries_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
    )
    lifecycle = DELIVERY_LIFECYCLE

    id: Mapped[UUID] = mapped_column(ForeignKey("inbox_messages.id"), primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"), index=True)
    status: Mapped[DeliveryStatus] = mapped_column(text_enum(DeliveryStatus, name="status_listed"))
    platform: Mapped[Platform | None] = mapped_column(text_enum(Platform, name="platform_listed"))
    # One grant, one message: the database refuses a second.
    grant_id: Mapped[UUID | None] = mapped_column(ForeignKey("subscribe_grants.id"), unique=True)
    expires_at: Mapped[datetime | None]  # not to be told afterwards
    sent_at: Mapped[datetime | None]
