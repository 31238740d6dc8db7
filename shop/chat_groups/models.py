"""The tables of chat groups, and of what WeCom tells about them."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, PrimaryId, text_enum
from kit.sweep import Retried


class ChatChannel(StrEnum):
    """How a message gets into a chat group."""

    ROBOT = "robot"  # a webhook posts it at once; staff groups alone have one
    CUSTOMER_GROUP = "customer_group"  # a task that the owner confirms in their own client


class ChatGroup(Base, Retried):
    """A chat group that a leader runs, and what was sent into it lately.

    `next_send_at`, `sent_on` and `sent_today` are the group's pace. They change under the row's
    lock, so that any number of processes together keep the platform's limits. `due_at`: ask WeCom
    for its name and owner, which have changed.
    """

    __tablename__ = "chat_groups"
    __table_args__ = (
        CheckConstraint(
            "(channel = 'robot') = (robot_key_sealed IS NOT NULL AND robot_key_hash IS NOT NULL)",
            name="robot_whole",
        ),
        CheckConstraint(
            "(channel = 'customer_group') = (chat_id IS NOT NULL AND sender IS NOT NULL)",
            name="customer_group_whole",
        ),
        CheckConstraint("daily_quota BETWEEN 0 AND 1000", name="daily_quota_sane"),
        CheckConstraint("sent_today >= 0", name="sent_today_sane"),
        CheckConstraint("members_joined >= 0", name="members_joined_sane"),
        CheckConstraint("members_left >= 0", name="members_left_sane"),
        Index("ix_chat_groups_leader_id", "leader_id", "id"),
        Index("ix_chat_groups_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
    )

    id: Mapped[PrimaryId]
    channel: Mapped[ChatChannel] = mapped_column(text_enum(ChatChannel, name="channel_listed"))
    leader_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    name: Mapped[str] = mapped_column(String(80))
    # Whoever knows a webhook's key may write into the group: it is sealed like a phone number.
    robot_key_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    robot_key_hash: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    chat_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    sender: Mapped[str | None] = mapped_column(String(64))  # the owner's user id at WeCom
    opengid: Mapped[str | None] = mapped_column(String(64), unique=True)
    is_active: Mapped[bool] = mapped_column(default=True)
    paused_at: Mapped[datetime | None]  # what is due waits, or lapses with its campaign
    daily_quota: Mapped[int]
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    next_send_at: Mapped[datetime | None]  # nothing goes in before then
    sent_on: Mapped[date | None] = mapped_column(Date)  # the day in Shanghai that is counted
    sent_today: Mapped[int] = mapped_column(default=0)
    dismissed_at: Mapped[datetime | None]  # by its owner at WeCom; nothing can be sent any more
    # As far as WeCom has told; who they were is not kept.
    members_joined: Mapped[int] = mapped_column(default=0)
    members_left: Mapped[int] = mapped_column(default=0)


class ChatEventKind(StrEnum):
    """What WeCom tells of a customer group."""

    CREATED = "created"
    DISMISSED = "dismissed"
    RENAMED = "renamed"
    OWNER_CHANGED = "owner_changed"
    JOINED = "joined"
    LEFT = "left"
    OTHER = "other"


class ChatGroupEvent(Base):
    """Something that WeCom told of a customer group, once, whether we know the group or not.

    Insert-only. It names no person: of who joined or left, only how many.
    """

    __tablename__ = "chat_group_events"
    __table_args__ = (
        CheckConstraint("members BETWEEN 0 AND 1000000", name="members_sane"),
        Index("ix_chat_group_events_chat_id", "chat_id", "id"),
        Index("ix_chat_group_events_chat_group_id", "chat_group_id", "id"),
    )

    id: Mapped[PrimaryId]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)  # of the message
    chat_id: Mapped[str] = mapped_column(String(64))
    chat_group_id: Mapped[UUID | None] = mapped_column(ForeignKey("chat_groups.id"))
    kind: Mapped[ChatEventKind] = mapped_column(text_enum(ChatEventKind, name="kind_listed"))
    members: Mapped[int]  # how many joined or left; else 0
    happened_at: Mapped[datetime]
    received_at: Mapped[datetime]
