"""Tables of group-buy: the terms of a campaign, groups, their seats, completions by the house."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, PrimaryId, positive_fen, text_enum
from kit.lifecycle import Lifecycle
from kit.money import Fen
from kit.sweep import Retried

MOST_SEATS: Final = 200


class GroupTerms(Base):
    """How groups of a campaign work; written with the draft, never changed once published."""

    __tablename__ = "group_terms"
    __table_args__ = (
        CheckConstraint(
            f"seats_required BETWEEN 2 AND {MOST_SEATS}"
            f" AND seats_max BETWEEN seats_required AND {MOST_SEATS}",
            name="seats_sane",
        ),
        CheckConstraint("lasts_seconds BETWEEN 1 AND 2592000", name="lasts_sane"),
        CheckConstraint("groups_per_member BETWEEN 1 AND 100", name="groups_per_member_sane"),
        CheckConstraint("seats_per_member BETWEEN 1 AND 20", name="seats_per_member_sane"),
        CheckConstraint("initiator_price_fen > 0", name="initiator_price_fen_positive"),
    )

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"), primary_key=True)
    seats_required: Mapped[int]  # paid seats at which a group forms
    seats_max: Mapped[int]  # more than required only with a price ladder
    # {"rungs": [[seats, price_fen], …]}, rising seats, falling prices; empty: the deal price alone
    ladder: Mapped[dict[str, Any]]
    initiator_price_fen: Mapped[Fen | None]
    lasts_seconds: Mapped[int]
    new_members_only: Mapped[bool]  # 老带新: whoever joins, not whoever opens
    groups_per_member: Mapped[int]
    seats_per_member: Mapped[int]  # in one group


class GroupStatus(StrEnum):
    """How a group stands."""

    OPEN = "open"
    FORMED = "formed"
    FAILED = "failed"


GROUP_LIFECYCLE = Lifecycle(
    "group",
    initial=GroupStatus.OPEN,
    moves={
        GroupStatus.OPEN: {GroupStatus.FORMED, GroupStatus.FAILED},
        GroupStatus.FORMED: set(),
        GroupStatus.FAILED: set(),
    },
)


class Group(Base, Retried):
    """Seats to be filled by `ends_at`; `due_at` is when a sweep must decide."""

    __tablename__ = "groups"
    __table_args__ = (
        UniqueConstraint("id", "seats_max"),  # what seats refer to
        positive_fen("price_fen"),
        CheckConstraint("(status = 'formed') = (formed_at IS NOT NULL)", name="formed_when"),
        CheckConstraint("(status = 'failed') = (failed_at IS NOT NULL)", name="failed_when"),
        CheckConstraint("house_seats BETWEEN 0 AND seats_required", name="house_seats_sane"),
        Index("ix_groups_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
        Index("ix_groups_campaign_id_status", "campaign_id", "status", "id"),
        Index("ix_groups_status", text("lower(status)"), "id"),  # of lists over all campaigns
    )
    lifecycle = GROUP_LIFECYCLE

    id: Mapped[PrimaryId]
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"))
    item_id: Mapped[UUID] = mapped_column(ForeignKey("campaign_items.id"))
    sku_id: Mapped[UUID] = mapped_column(ForeignKey("skus.id"))
    status: Mapped[GroupStatus] = mapped_column(text_enum(GroupStatus, name="status_listed"))
    initiator_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    seats_required: Mapped[int]
    seats_max: Mapped[int]
    seats_paid: Mapped[int] = mapped_column(default=0)  # kept under the group's lock
    house_seats: Mapped[int] = mapped_column(default=0)  # completed openly by the house
    price_fen: Mapped[Fen]  # of the rung that is reached
    opened_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    nudged_at: Mapped[datetime | None]
    formed_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]


class SeatStatus(StrEnum):
    """How a seat stands."""

    HELD = "held"  # taken, not paid yet
    PAID = "paid"
    LAPSED = "lapsed"  # not paid in time
    LEFT = "left"  # given up by the member
    RETURNED = "returned"  # the group failed; the money goes back


SEAT_LIFECYCLE = Lifecycle(
    "seat",
    initial=SeatStatus.HELD,
    moves={
        SeatStatus.HELD: {SeatStatus.PAID, SeatStatus.LAPSED, SeatStatus.LEFT},
        SeatStatus.PAID: {SeatStatus.LEFT, SeatStatus.RETURNED},
        SeatStatus.LAPSED: set(),
        SeatStatus.LEFT: set(),
        SeatStatus.RETURNED: set(),
    },
)
TAKEN: Final = "status IN ('held', 'paid')"


class Seat(Base):
    """One seat of a group and the order that pays for it; a seat beyond the last cannot exist."""

    __tablename__ = "seats"
    __table_args__ = (
        ForeignKeyConstraint(["group_id", "seats_max"], ["groups.id", "groups.seats_max"]),
        CheckConstraint("seat_no BETWEEN 1 AND seats_max", name="seat_no_exists"),
        CheckConstraint("(status = 'paid') <= (paid_at IS NOT NULL)", name="paid_when"),
        Index("uq_seats_taken", "group_id", "seat_no", unique=True, postgresql_where=TAKEN),
        Index(
            "uq_seats_member",
            "group_id",
            "member_id",
            "member_seat",
            unique=True,
            postgresql_where=TAKEN,
        ),
        Index("uq_seats_order", "order_id", unique=True, postgresql_where=TAKEN),
        Index("ix_seats_order_id", "order_id"),
        Index("ix_seats_group_id", "group_id", "seat_no"),  # with those that were left
        Index("ix_seats_member_id", "member_id", "group_id"),
    )
    lifecycle = SEAT_LIFECYCLE

    id: Mapped[PrimaryId]
    group_id: Mapped[UUID]
    seats_max: Mapped[int]  # the group's, repeated for the check
    seat_no: Mapped[int]
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    member_seat: Mapped[int]  # 1 unless the member takes several
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    status: Mapped[SeatStatus] = mapped_column(text_enum(SeatStatus, name="status_listed"))
    may_move: Mapped[bool]  # to another group, when the payment comes too late for this one
    moved_from_id: Mapped[UUID | None]  # the group whose seat the payment came too late for
    joined_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]


class HouseCompletion(Base):
    """The house fills a group's missing seats, openly; two persons decide."""

    __tablename__ = "house_completions"
    __table_args__ = (
        CheckConstraint("approved_by IS NULL OR approved_by <> asked_by", name="two_persons"),
        CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approved_whole"),
    )

    group_id: Mapped[UUID] = mapped_column(ForeignKey("groups.id"), primary_key=True)
    why: Mapped[str] = mapped_column(String(200))
    asked_by: Mapped[str] = mapped_column(String(64))
    asked_at: Mapped[datetime]
    approved_by: Mapped[str | None] = mapped_column(String(64))
    approved_at: Mapped[datetime | None]
