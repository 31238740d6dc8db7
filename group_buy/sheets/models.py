"""Tables of order sheets: the sheet, what it offers at which price, its numbered entries."""

from datetime import datetime
from enum import StrEnum
from typing import Final
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

from kit.db import Base, PrimaryId, fen_not_negative, positive_fen, text_enum
from kit.lifecycle import Lifecycle
from kit.money import Fen
from kit.sweep import Retried

MOST_ENTRIES: Final = 500  # as many people as a chat group holds
LONGEST_TITLE: Final = 60
LONGEST_NOTE: Final = 1000
LONGEST_CHAT_GROUP: Final = 40


class SheetStatus(StrEnum):
    """How an order sheet stands."""

    OPEN = "open"
    CONFIRMED = "confirmed"  # its paid orders are delivered
    FAILED = "failed"  # below its minimum when its time was over
    CANCELLED = "cancelled"  # by its leader


SHEET_LIFECYCLE = Lifecycle(
    "order_sheet",
    initial=SheetStatus.OPEN,
    moves={
        SheetStatus.OPEN: {SheetStatus.CONFIRMED, SheetStatus.FAILED, SheetStatus.CANCELLED},
        SheetStatus.CONFIRMED: set(),
        SheetStatus.FAILED: set(),
        SheetStatus.CANCELLED: set(),
    },
)


class OrderSheet(Base, Retried):
    """What a leader offers until `ends_at`; `due_at` is when a sweep must decide."""

    __tablename__ = "order_sheets"
    __table_args__ = (
        fen_not_negative("minimum_fen"),
        CheckConstraint("paid_fen >= 0", name="paid_fen_sane"),
        CheckConstraint(f"entries_count BETWEEN 0 AND {MOST_ENTRIES}", name="entries_count_sane"),
        CheckConstraint("opened_at < ends_at", name="window_sane"),
        CheckConstraint("(status = 'open') = (decided_at IS NULL)", name="decided_when"),
        CheckConstraint("status <> 'confirmed' OR paid_fen >= minimum_fen", name="minimum_met"),
        CheckConstraint("status <> 'failed' OR paid_fen < minimum_fen", name="minimum_missed"),
        Index("ix_order_sheets_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
        Index("ix_order_sheets_leader_id", "leader_id", "id"),
        Index("ix_order_sheets_status", text("lower(status)"), "id"),  # of lists over all leaders
    )
    lifecycle = SHEET_LIFECYCLE

    id: Mapped[PrimaryId]
    leader_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    status: Mapped[SheetStatus] = mapped_column(text_enum(SheetStatus, name="status_listed"))
    title: Mapped[str] = mapped_column(String(LONGEST_TITLE))
    note: Mapped[str] = mapped_column(String(LONGEST_NOTE))
    chat_group: Mapped[str] = mapped_column(String(LONGEST_CHAT_GROUP))  # the leader's own label
    minimum_fen: Mapped[Fen]  # 0: whatever is paid is delivered
    paid_fen: Mapped[Fen] = mapped_column(default=0)  # both kept under the sheet's lock;
    entries_count: Mapped[int] = mapped_column(default=0)  # numbers given out so far
    opened_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]


class SheetItem(Base):
    """A SKU on a sheet at the leader's price, and the band that allowed it. Insert-only."""

    __tablename__ = "sheet_items"
    __table_args__ = (
        UniqueConstraint("sheet_id", "sku_id"),
        UniqueConstraint("sheet_id", "position"),
        positive_fen("price_fen"),
        CheckConstraint("price_fen BETWEEN band_min_fen AND band_max_fen", name="price_in_band"),
    )

    id: Mapped[PrimaryId]
    sheet_id: Mapped[UUID] = mapped_column(ForeignKey("order_sheets.id"))
    sku_id: Mapped[UUID] = mapped_column(ForeignKey("skus.id"), index=True)
    position: Mapped[int]
    price_fen: Mapped[Fen]
    band_min_fen: Mapped[Fen]  # the SKU's when the sheet was opened
    band_max_fen: Mapped[Fen]


class EntryStatus(StrEnum):
    """How an entry stands."""

    HELD = "held"  # written down, not paid yet
    PAID = "paid"
    LAPSED = "lapsed"  # not paid in time
    LEFT = "left"  # given up by the member
    RETURNED = "returned"  # the sheet failed or was called off; the money goes back


ENTRY_LIFECYCLE = Lifecycle(
    "sheet_entry",
    initial=EntryStatus.HELD,
    moves={
        EntryStatus.HELD: {EntryStatus.PAID, EntryStatus.LAPSED, EntryStatus.LEFT},
        EntryStatus.PAID: {EntryStatus.LEFT, EntryStatus.RETURNED},
        # A payment that arrives late, while the sheet still takes orders, revives its entry.
        EntryStatus.LAPSED: {EntryStatus.PAID},
        EntryStatus.LEFT: set(),
        EntryStatus.RETURNED: set(),
    },
)


class SheetEntry(Base):
    """One line of a sheet's list (跟团号): a number without a gap before it, and its order."""

    __tablename__ = "sheet_entries"
    __table_args__ = (
        UniqueConstraint("sheet_id", "number"),
        # Each number but the first needs the one before it: a gap cannot be written down.
        ForeignKeyConstraint(
            ["sheet_id", "after_number"], ["sheet_entries.sheet_id", "sheet_entries.number"]
        ),
        CheckConstraint(f"number BETWEEN 1 AND {MOST_ENTRIES}", name="number_sane"),
        CheckConstraint(
            "after_number IS NOT DISTINCT FROM NULLIF(number - 1, 0)", name="after_the_one_before"
        ),
        positive_fen("total_fen"),
        CheckConstraint("(status = 'paid') <= (paid_at IS NOT NULL)", name="paid_when"),
        Index("ix_sheet_entries_member_id", "member_id", "sheet_id"),
    )
    lifecycle = ENTRY_LIFECYCLE

    id: Mapped[PrimaryId]
    sheet_id: Mapped[UUID] = mapped_column(ForeignKey("order_sheets.id"))
    number: Mapped[int]
    after_number: Mapped[int | None]
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), unique=True)
    status: Mapped[EntryStatus] = mapped_column(text_enum(EntryStatus, name="status_listed"))
    total_fen: Mapped[Fen]  # the order's
    joined_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
