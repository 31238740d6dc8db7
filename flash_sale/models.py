"""Tables of the flash sale: terms, claimed units, who waits, draws, and who wants reminding."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, PrimaryId, text_enum
from kit.lifecycle import Lifecycle
from kit.sweep import Retried


class SaleMode(StrEnum):
    """How units find their buyers."""

    RUSH = "rush"  # whoever comes first
    LOTTERY = "lottery"  # registered in the window, drawn at its end


class FlashTerms(Base):
    """How a campaign's one item is sold; written with the draft, and never changed."""

    __tablename__ = "flash_terms"
    __table_args__ = (
        UniqueConstraint("campaign_id", "limit_per_member"),  # what claims refer to
        CheckConstraint("limit_per_member BETWEEN 1 AND 100", name="limit_per_member_sane"),
        CheckConstraint("offer_seconds BETWEEN 1 AND 604800", name="offer_sane"),
        CheckConstraint("shards BETWEEN 1 AND 16", name="shards_sane"),
        CheckConstraint("early_seconds BETWEEN 0 AND 86400", name="early_seconds_sane"),
        CheckConstraint("(early_seconds > 0) = (early_units > 0)", name="early_whole"),
        CheckConstraint("early_orders BETWEEN 1 AND 1000", name="early_orders_sane"),
        CheckConstraint("(mode = 'lottery') = (draw_seed IS NOT NULL)", name="draw_promised"),
    )

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"), primary_key=True)
    item_id: Mapped[UUID] = mapped_column(ForeignKey("campaign_items.id"))
    mode: Mapped[SaleMode] = mapped_column(text_enum(SaleMode, name="mode_listed"))
    limit_per_member: Mapped[int]  # the campaign's, repeated for the check of claims
    offer_seconds: Mapped[int]  # how long a unit is set aside for somebody who waited
    shards: Mapped[int]  # of the gate
    # A declared quota that opens earlier for those who have completed so many orders before.
    early_seconds: Mapped[int]
    early_units: Mapped[int]
    early_orders: Mapped[int]
    # Of a lottery: its hash is published with the campaign, itself only with the draw.
    draw_seed: Mapped[bytes | None] = mapped_column(LargeBinary(32))


class ClaimStatus(StrEnum):
    """How a claimed unit stands."""

    HELD = "held"  # ordered, not paid yet
    PAID = "paid"
    LAPSED = "lapsed"  # not paid in time, or cancelled
    RETURNED = "returned"  # the money went back


CLAIM_LIFECYCLE = Lifecycle(
    "claim",
    initial=ClaimStatus.HELD,
    moves={
        ClaimStatus.HELD: {ClaimStatus.PAID, ClaimStatus.LAPSED},
        ClaimStatus.PAID: {ClaimStatus.RETURNED},
        ClaimStatus.LAPSED: set(),
        ClaimStatus.RETURNED: set(),
    },
)


class Claim(Base):
    """One unit of a campaign claimed by a member; one beyond their limit cannot exist."""

    __tablename__ = "claims"
    __table_args__ = (
        ForeignKeyConstraint(
            ["campaign_id", "limit_per_member"],
            ["flash_terms.campaign_id", "flash_terms.limit_per_member"],
        ),
        CheckConstraint("unit_no BETWEEN 1 AND limit_per_member", name="unit_no_within_limit"),
        Index(
            "uq_claims_unit",
            "campaign_id",
            "member_id",
            "unit_no",
            unique=True,
            postgresql_where="status IN ('held', 'paid')",
        ),
        UniqueConstraint("order_id", "unit_no"),
        Index("ix_claims_member_id", "member_id"),
        Index(
            "ix_claims_ended_at",
            "campaign_id",
            "ended_at",
            postgresql_where="ended_at IS NOT NULL",
        ),
    )
    lifecycle = CLAIM_LIFECYCLE

    id: Mapped[PrimaryId]
    campaign_id: Mapped[UUID]
    limit_per_member: Mapped[int]  # the terms', repeated for the check
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    unit_no: Mapped[int]  # of the member's units in this campaign
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    status: Mapped[ClaimStatus] = mapped_column(text_enum(ClaimStatus, name="status_listed"))
    claimed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]  # lapsed or returned: the gate's counts follow it


class WaitStatus(StrEnum):
    """How somebody's wait stands."""

    WAITING = "waiting"
    OFFERED = "offered"  # a unit is set aside for them
    TAKEN = "taken"  # they claimed it
    LAPSED = "lapsed"  # they did not
    LEFT = "left"
    OVER = "over"  # the campaign is over, or the draw went against them


WAIT_LIFECYCLE = Lifecycle(
    "wait",
    initial=WaitStatus.WAITING,
    moves={
        WaitStatus.WAITING: {WaitStatus.OFFERED, WaitStatus.LEFT, WaitStatus.OVER},
        WaitStatus.OFFERED: {WaitStatus.TAKEN, WaitStatus.LAPSED, WaitStatus.LEFT},
        WaitStatus.TAKEN: set(),
        WaitStatus.LAPSED: set(),
        WaitStatus.LEFT: set(),
        WaitStatus.OVER: set(),
    },
)


class Wait(Base, Retried):
    """A member who waits for a unit (候补), or takes part in a lottery; by rank, then by place.

    While it is OFFERED one card is allotted to its id, and `due_at` is when that ends.
    """

    __tablename__ = "waits"
    __table_args__ = (
        CheckConstraint("(status = 'offered') <= (offered_until IS NOT NULL)", name="offer_whole"),
        Index(
            "uq_waits_member",
            "campaign_id",
            "member_id",
            unique=True,
            postgresql_where="status IN ('waiting', 'offered')",
        ),
        Index(
            "ix_waits_queue",
            "campaign_id",
            "rank",
            "place",
            postgresql_where="status = 'waiting'",
        ),
        Index("ix_waits_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
        Index("ix_waits_member_id", "member_id", "campaign_id"),
    )
    lifecycle = WAIT_LIFECYCLE

    id: Mapped[PrimaryId]
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("flash_terms.campaign_id"))
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    status: Mapped[WaitStatus] = mapped_column(text_enum(WaitStatus, name="status_listed"))
    rank: Mapped[int] = mapped_column(default=0)  # given by the draw; 0 without one
    # The database numbers them: ids of several processes go by several clocks.
    place: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    joined_at: Mapped[datetime]
    offered_until: Mapped[datetime | None]


class Draw(Base):
    """The draw of a lottery, with all that is needed to check it. Insert-only."""

    __tablename__ = "draws"

    campaign_id: Mapped[UUID] = mapped_column(
        ForeignKey("flash_terms.campaign_id"), primary_key=True
    )
    entries: Mapped[int]
    entries_digest: Mapped[bytes] = mapped_column(LargeBinary(32))  # of the list that was drawn
    winners: Mapped[int]
    drawn_at: Mapped[datetime]


class Reminder(Base, Retried):
    """A member who wants to be told before a campaign opens; `due_at` is when."""

    __tablename__ = "reminders"
    __table_args__ = (
        Index("ix_reminders_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
    )

    campaign_id: Mapped[UUID] = mapped_column(
        ForeignKey("flash_terms.campaign_id"), primary_key=True
    )
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"), primary_key=True)
    asked_at: Mapped[datetime]
