"""Tables of campaigns: campaign, items, edges that were passed, slots that repeat, the stop."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, PrimaryId, positive_fen, text_enum
from kit.lifecycle import Lifecycle
from kit.money import Fen
from kit.sweep import Retried


class CampaignKind(StrEnum):
    """The way of selling."""

    GROUP_BUY = "group_buy"
    FLASH_SALE = "flash_sale"


class CampaignStatus(StrEnum):
    """How a campaign stands."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    WARMING = "warming"
    LIVE = "live"
    PAUSED = "paused"
    ENDED = "ended"
    SETTLED = "settled"
    CANCELLED = "cancelled"


CAMPAIGN_LIFECYCLE = Lifecycle(
    "campaign",
    initial=CampaignStatus.DRAFT,
    moves={
        CampaignStatus.DRAFT: {CampaignStatus.SCHEDULED, CampaignStatus.CANCELLED},
        CampaignStatus.SCHEDULED: {
            CampaignStatus.WARMING,
            CampaignStatus.LIVE,  # when it has no warm-up
            CampaignStatus.CANCELLED,
        },
        CampaignStatus.WARMING: {CampaignStatus.LIVE, CampaignStatus.CANCELLED},
        CampaignStatus.LIVE: {CampaignStatus.PAUSED, CampaignStatus.ENDED},
        CampaignStatus.PAUSED: {CampaignStatus.LIVE, CampaignStatus.ENDED},
        CampaignStatus.ENDED: {CampaignStatus.SETTLED},
        CampaignStatus.SETTLED: set(),
        CampaignStatus.CANCELLED: set(),
    },
)


class Audience(StrEnum):
    """Who may buy."""

    ALL = "all"
    NEW_MEMBERS = "new_members"  # who have never paid for an order


class Edge(StrEnum):
    """A turn that time brings, each once in a campaign's life."""

    WARM = "warm"
    OPEN = "open"
    END = "end"
    SETTLE = "settle"


class Campaign(Base, Retried):
    """One plan of selling in the window [starts_at, ends_at); `due_at` is its next edge."""

    __tablename__ = "campaigns"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="window_sane"),
        CheckConstraint("warms_at IS NULL OR warms_at < starts_at", name="warms_before"),
        CheckConstraint("limit_per_member BETWEEN 1 AND 100", name="limit_per_member_sane"),
        CheckConstraint("pay_within_seconds BETWEEN 1 AND 86400", name="pay_within_sane"),
        CheckConstraint("binds_days BETWEEN 1 AND 90", name="binds_sane"),
        CheckConstraint("trails_seconds BETWEEN 0 AND 2592000", name="trails_sane"),
        CheckConstraint("(status = 'paused') <= (pause_reason IS NOT NULL)", name="paused_why"),
        CheckConstraint(
            "(status = 'settled' AND needs_release) <= (released_at IS NOT NULL)",
            name="settled_when_released",
        ),
        UniqueConstraint("slot_id", "slot_on"),
        Index("ix_campaigns_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
        Index("ix_campaigns_kind_status", "kind", "status", "id"),
        Index("ix_campaigns_ends_at", "ends_at", "starts_at"),
    )
    lifecycle = CAMPAIGN_LIFECYCLE

    id: Mapped[PrimaryId]
    kind: Mapped[CampaignKind] = mapped_column(text_enum(CampaignKind, name="kind_listed"))
    status: Mapped[CampaignStatus] = mapped_column(text_enum(CampaignStatus, name="status_listed"))
    name: Mapped[str] = mapped_column(String(80))
    rules_text: Mapped[str] = mapped_column(Text, default="")
    refund_promise: Mapped[str] = mapped_column(String(200), default="")
    audience: Mapped[Audience] = mapped_column(text_enum(Audience, name="audience_listed"))
    limit_per_member: Mapped[int]  # units, over the whole campaign
    pay_within_seconds: Mapped[int]
    warms_at: Mapped[datetime | None]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    trails_seconds: Mapped[int]  # how long after its end something of it may still be sold
    # How long an invite to it binds whoever opens it.
    binds_days: Mapped[int] = mapped_column(default=7, server_default="7")
    # Not settled before its way of selling says so, and then its trail begins.
    needs_release: Mapped[bool] = mapped_column(default=False, server_default=false())
    released_at: Mapped[datetime | None]
    pause_reason: Mapped[str | None] = mapped_column(String(200))
    is_stopped: Mapped[bool] = mapped_column(default=False)  # paused by the emergency stop
    slot_id: Mapped[UUID | None] = mapped_column(ForeignKey("slots.id"))
    slot_on: Mapped[date | None] = mapped_column(Date)
    copied_from_id: Mapped[UUID | None]
    created_by: Mapped[str] = mapped_column(String(64))
    approved_by: Mapped[str | None] = mapped_column(String(64))  # of a price below cost
    created_at: Mapped[datetime]


class CampaignItem(Base):
    """A SKU in a campaign: its deal price, and how many units are set aside for it."""

    __tablename__ = "campaign_items"
    __table_args__ = (
        UniqueConstraint("campaign_id", "sku_id"),
        UniqueConstraint("campaign_id", "position"),
        positive_fen("deal_price_fen"),
        CheckConstraint("allotment BETWEEN 1 AND 1000000", name="allotment_sane"),
    )

    id: Mapped[PrimaryId]
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"))
    sku_id: Mapped[UUID] = mapped_column(ForeignKey("skus.id"), index=True)
    position: Mapped[int]
    deal_price_fen: Mapped[Fen]
    allotment: Mapped[int]


class CampaignEdge(Base):
    """Proof that an edge was passed, once, and when it had been due. Insert-only."""

    __tablename__ = "campaign_edges"

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"), primary_key=True)
    edge: Mapped[Edge] = mapped_column(text_enum(Edge, name="edge_listed"), primary_key=True)
    due_at: Mapped[datetime]
    # The clock of the database tells how late it was, whenever the transaction began.
    passed_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class Slot(Base, Retried):
    """A template that makes a campaign on each day it names (场次); `due_at`: the next making."""

    __tablename__ = "slots"
    __table_args__ = (
        CheckConstraint("lasts_seconds BETWEEN 60 AND 2592000", name="lasts_sane"),
        CheckConstraint("warms_seconds BETWEEN 0 AND 604800", name="warms_sane"),
        CheckConstraint("ahead_hours BETWEEN 1 AND 336", name="ahead_sane"),
        CheckConstraint("starts_minute BETWEEN 0 AND 1439", name="starts_minute_sane"),
        Index("ix_slots_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
    )

    id: Mapped[PrimaryId]
    name: Mapped[str] = mapped_column(String(80))
    model_id: Mapped[UUID]  # the campaign that is copied
    weekdays: Mapped[dict[str, Any]]  # {"days": [0, …, 6]}, Monday is 0
    starts_minute: Mapped[int]  # of the day in Shanghai
    lasts_seconds: Mapped[int]
    warms_seconds: Mapped[int]
    ahead_hours: Mapped[int]  # how long before its start a campaign is made
    next_on: Mapped[date] = mapped_column(Date)
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class Stop(Base):
    """The emergency stop: while one is not lifted, whatever opens is paused at once."""

    __tablename__ = "campaign_stops"
    __table_args__ = (
        Index("uq_campaign_stops_one", "is_lifted", unique=True, postgresql_where="NOT is_lifted"),
        CheckConstraint("is_lifted = (lifted_at IS NOT NULL)", name="lifted_whole"),
    )

    id: Mapped[PrimaryId]
    why: Mapped[str] = mapped_column(String(200))
    stopped_by: Mapped[str] = mapped_column(String(64))
    stopped_at: Mapped[datetime]
    is_lifted: Mapped[bool] = mapped_column(default=False)
    lifted_by: Mapped[str | None] = mapped_column(String(64))
    lifted_at: Mapped[datetime | None]
