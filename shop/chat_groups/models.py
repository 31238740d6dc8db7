"""The table of chat groups."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, PrimaryId, text_enum


class ChatChannel(StrEnum):
    """How a message gets into a chat group."""

    ROBOT = "robot"  # a webhook posts it at once; staff groups alone have one
    CUSTOMER_GROUP = "customer_group"  # a task that the owner confirms in their own client


class ChatGroup(Base):
    """A chat group that a leader runs, and what was sent into it lately.

    The three columns at the end are the group's pace. They change under the row's lock, so that
    any number of processes together keep the platform's limits.
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
        Index("ix_chat_groups_leader_id", "leader_id", "id"),
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
