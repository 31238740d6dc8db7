"""Tables of pushes: templates, plans per edge of a campaign, and one push per chat group."""

from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, PrimaryId, text_enum
from kit.lifecycle import Lifecycle
from kit.sweep import Retried
from shop.chat_groups.models import ChatChannel


class PushEdge(StrEnum):
    """A turn in a campaign's life that chat groups are told of."""

    WARMING = "warming"
    OPEN = "open"
    ALMOST_GONE = "almost_gone"
    LAST_CALL = "last_call"
    FORMED = "formed"  # its first group
    FAILED = "failed"  # its first group that failed
    SETTLED = "settled"


class WhenQuiet(StrEnum):
    """What becomes of a push that is due in the quiet hours."""

    WAIT = "wait"  # until they end, unless the campaign is over by then
    DROP = "drop"


class PushTemplate(Base):
    """A text with placeholders, checked when it was saved. Insert-only: another text, another name.

    Pushes that are planned say what their operator has read.
    """

    __tablename__ = "push_templates"

    id: Mapped[PrimaryId]
    name: Mapped[str] = mapped_column(String(40), unique=True)
    text: Mapped[str] = mapped_column(Text)
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class PushPlan(Base, Retried):
    """What goes into which chat groups of one channel at one edge of a campaign.

    `due_at` is set while somebody must watch for the edge, since no clock brings it.
    """

    __tablename__ = "push_plans"
    __table_args__ = (
        UniqueConstraint("campaign_id", "edge", "channel"),
        CheckConstraint("lead_seconds BETWEEN 0 AND 604800", name="lead_sane"),
        CheckConstraint("quiet_from_minute BETWEEN 0 AND 1439", name="quiet_from_sane"),
        CheckConstraint("quiet_until_minute BETWEEN 0 AND 1439", name="quiet_until_sane"),
        Index("ix_push_plans_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
    )

    id: Mapped[PrimaryId]
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"))
    edge: Mapped[PushEdge] = mapped_column(text_enum(PushEdge, name="edge_listed"))
    channel: Mapped[ChatChannel] = mapped_column(text_enum(ChatChannel, name="channel_listed"))
    template_id: Mapped[UUID] = mapped_column(ForeignKey("push_templates.id"))
    chat_group_ids: Mapped[list[str] | None]  # None: every active one of the channel
    lead_seconds: Mapped[int]  # how long before the end of the campaign a last call comes
    # Minutes of the day in Shanghai; from = until means no quiet hours.
    quiet_from_minute: Mapped[int]
    quiet_until_minute: Mapped[int]
    when_quiet: Mapped[WhenQuiet] = mapped_column(text_enum(WhenQuiet, name="when_quiet_listed"))
    planned_at: Mapped[datetime | None]  # its pushes were made
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class PushStatus(StrEnum):
    """How a push stands."""

    PLANNED = "planned"
    SENDING = "sending"  # handed over, and not yet known with what outcome
    SENT = "sent"
    AWAITING_OWNER = "awaiting_owner"
    CONFIRMED = "confirmed"
    ESCALATED = "escalated"  # the owner did not confirm, and members were told themselves
    FAILED = "failed"
    SKIPPED = "skipped"  # it would have been wrong by then


P = PushStatus
PUSH_LIFECYCLE = Lifecycle(
    "push",
    initial=P.PLANNED,
    moves={
        # Confirmed is what its owner sent by a task that was said not to have been made.
        P.PLANNED: {P.SENDING, P.SKIPPED, P.CONFIRMED},
        # Back to planned only when it surely was not sent.
        P.SENDING: {P.PLANNED, P.SENT, P.AWAITING_OWNER, P.FAILED},
        P.AWAITING_OWNER: {P.CONFIRMED, P.ESCALATED, P.FAILED, P.SKIPPED},
        P.ESCALATED: {P.CONFIRMED},
        # Somebody looked into the group, and a message of which no answer came is not there.
        P.SENT: {P.FAILED},
        P.CONFIRMED: set(),
        P.FAILED: {P.CONFIRMED},
        P.SKIPPED: {P.CONFIRMED},
    },
)

WATCHED: Final = "status IN ('planned', 'sending', 'awaiting_owner', 'escalated', 'failed')"


class Push(Base, Retried):
    """One message into one chat group at one edge of a campaign; there is never a second.

    `due_at`: send it, look what became of it, or ask whether its owner has confirmed.
    `twins_due_at`: look whether the platform took its task twice; `twin_msgids` must not be sent.
    """

    __tablename__ = "pushes"
    __table_args__ = (
        UniqueConstraint("campaign_id", "edge", "chat_group_id"),
        CheckConstraint("(status = 'sending') <= (handed_at IS NOT NULL)", name="handed_when"),
        CheckConstraint(
            "(status IN ('awaiting_owner', 'confirmed', 'escalated')) <= (msgid IS NOT NULL)",
            name="task_whole",
        ),
        CheckConstraint(
            "(status IN ('failed', 'skipped')) <= (reason IS NOT NULL)", name="reason_given"
        ),
        CheckConstraint("is_certain OR status = 'sent'", name="uncertain_when"),
        Index("ix_pushes_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
        Index(
            "ix_pushes_twins_due_at", "twins_due_at", postgresql_where="twins_due_at IS NOT NULL"
        ),
        Index("ix_pushes_chat_group_id", "chat_group_id", "id"),
        Index("uq_pushes_msgid", "msgid", unique=True, postgresql_where="msgid IS NOT NULL"),
        # What operators look at; what is done grows without end, and is seen by its campaign.
        Index("ix_pushes_watched", "status", "id", postgresql_where=WATCHED),
        Index("ix_pushes_uncertain", "id", postgresql_where="NOT is_certain"),
    )
    lifecycle = PUSH_LIFECYCLE

    id: Mapped[PrimaryId]
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("push_plans.id"), index=True)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"))
    edge: Mapped[PushEdge] = mapped_column(text_enum(PushEdge, name="edge_listed"))
    chat_group_id: Mapped[UUID] = mapped_column(ForeignKey("chat_groups.id"))
    invite_code: Mapped[str] = mapped_column(String(32))  # the leader's, for this chat group
    status: Mapped[PushStatus] = mapped_column(text_enum(PushStatus, name="status_listed"))
    planned_for: Mapped[datetime]
    text: Mapped[str | None] = mapped_column(Text)  # as handed over
    first_handed_at: Mapped[datetime | None]  # a task may be as old as that
    handed_at: Mapped[datetime | None]  # last
    sent_at: Mapped[datetime | None]
    is_certain: Mapped[bool] = mapped_column(default=True)  # no: no answer came, and none will
    msgid: Mapped[str | None] = mapped_column(String(64))  # of the task at the platform
    sender: Mapped[str | None] = mapped_column(String(64))  # the owner whom the task waits for
    twin_msgids: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    twins_due_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime]
