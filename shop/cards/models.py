"""Tables of the card vault: batches, cards, the log of reveals, codes that left the house."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, PrimaryId, text_enum
from kit.lifecycle import Lifecycle


class BatchStatus(StrEnum):
    """Whether the cards of a batch may be sold."""

    IMPORTING = "importing"
    OPEN = "open"
    FROZEN = "frozen"
    UNDONE = "undone"


BATCH_LIFECYCLE = Lifecycle(
    "batch",
    initial=BatchStatus.IMPORTING,
    moves={
        BatchStatus.IMPORTING: {BatchStatus.OPEN, BatchStatus.UNDONE},
        BatchStatus.OPEN: {BatchStatus.FROZEN, BatchStatus.UNDONE},
        BatchStatus.FROZEN: {BatchStatus.OPEN, BatchStatus.UNDONE},
        BatchStatus.UNDONE: set(),
    },
)


class CardStatus(StrEnum):
    """Where a card stands on its way to a member."""

    FREE = "free"
    RESERVED = "reserved"
    DELIVERED = "delivered"
    REVEALED = "revealed"
    VOID = "void"


CARD_LIFECYCLE = Lifecycle(
    "card",
    initial=CardStatus.FREE,
    moves={
        CardStatus.FREE: {CardStatus.RESERVED, CardStatus.VOID},
        CardStatus.RESERVED: {CardStatus.FREE, CardStatus.DELIVERED},
        # A refund takes back a card whose code nobody has seen.
        CardStatus.DELIVERED: {CardStatus.REVEALED, CardStatus.FREE},
        CardStatus.REVEALED: {CardStatus.VOID},
        CardStatus.VOID: set(),
    },
)


class Batch(Base):
    """The cards of one imported file, with the data key that seals them, itself wrapped."""

    __tablename__ = "batches"
    __table_args__ = (CheckConstraint("cards_count >= 0", name="cards_count_sane"),)
    lifecycle = BATCH_LIFECYCLE

    id: Mapped[PrimaryId]
    sku_id: Mapped[UUID] = mapped_column(ForeignKey("skus.id"), index=True)
    status: Mapped[BatchStatus] = mapped_column(text_enum(BatchStatus, name="status_listed"))
    file_name: Mapped[str] = mapped_column(String(200))
    file_sha256: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(80), default="")  # the supplier, as they sign
    cards_count: Mapped[int]
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
    master_key_version: Mapped[str] = mapped_column(String(32), index=True)
    created_at: Mapped[datetime]


class Card(Base):
    """One card code, sealed. It belongs to at most one order line, for all time one at a time."""

    __tablename__ = "cards"
    __table_args__ = (
        UniqueConstraint("batch_id", "position"),
        CheckConstraint(
            "(status IN ('reserved', 'delivered', 'revealed')) <= (order_line_id IS NOT NULL)",
            name="held_by_a_line",
        ),
        CheckConstraint("(status = 'free') <= (order_line_id IS NULL)", name="free_of_lines"),
        CheckConstraint(
            "(status = 'revealed') <= (first_revealed_at IS NOT NULL)", name="revealed_when"
        ),
        CheckConstraint(
            "exported_at IS NULL OR (status = 'void' AND NOT is_sellable)",
            name="exported_is_not_sold",
        ),
        Index(
            "ix_cards_free",
            "sku_id",
            "expires_on_key",
            "id",
            postgresql_where="status = 'free' AND is_sellable AND allotted_to IS NULL",
        ),
        Index(
            "ix_cards_allotted",
            "allotted_to",
            "expires_on_key",
            "id",
            postgresql_where="status = 'free' AND is_sellable AND allotted_to IS NOT NULL",
        ),
        Index("ix_cards_batch_id", "batch_id", "status"),  # counted for the list of batches
        Index("ix_cards_order_line_id", "order_line_id"),
        Index("ix_cards_member_id", "member_id", "id"),
    )
    lifecycle = CARD_LIFECYCLE

    id: Mapped[PrimaryId]
    batch_id: Mapped[UUID] = mapped_column(ForeignKey("batches.id"))
    position: Mapped[int]  # in the batch, from 0
    sku_id: Mapped[UUID] = mapped_column(ForeignKey("skus.id"))
    status: Mapped[CardStatus] = mapped_column(text_enum(CardStatus, name="status_listed"))
    is_sellable: Mapped[bool] = mapped_column(default=True)  # false while the batch is frozen
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    blind_index: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    expires_at: Mapped[datetime | None]
    allotted_to: Mapped[UUID | None]  # opaque: for whom alone it is sold
    expires_on_key: Mapped[int]  # days since 1970 of expiry, 999999 for never: picks expiry first
    order_line_id: Mapped[UUID | None] = mapped_column(ForeignKey("order_lines.id"))
    member_id: Mapped[UUID | None]  # the owner once delivered
    delivered_at: Mapped[datetime | None]
    first_revealed_at: Mapped[datetime | None]
    exported_at: Mapped[datetime | None]  # when its code first left the house; then it stays void

    def __repr__(self) -> str:
        """Show the id alone; not even ciphertext belongs in a log."""
        return f"<Card {self.id} {self.status}>"


class Reveal(Base):
    """One look at a code: who, when, from which request. Insert-only."""

    __tablename__ = "reveals"

    id: Mapped[PrimaryId]
    card_id: Mapped[UUID] = mapped_column(ForeignKey("cards.id"), index=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"), index=True)
    request_id: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]


class CodeExport(Base):
    """Plain codes that left the house: of which batch, how many, by whose two words. Insert-only.

    A request that was approved hands codes out once; it says why.
    """

    __tablename__ = "code_exports"
    __table_args__ = (
        CheckConstraint("exported_by_id <> approved_by_id", name="two_persons"),
        CheckConstraint("cards_count > 0", name="cards_count_sane"),
    )

    id: Mapped[PrimaryId]
    approval_id: Mapped[UUID] = mapped_column(ForeignKey("approvals.id"), unique=True)
    batch_id: Mapped[UUID] = mapped_column(ForeignKey("batches.id"), index=True)
    cards_count: Mapped[int]
    exported_by_id: Mapped[UUID] = mapped_column(ForeignKey("operators.id"))
    approved_by_id: Mapped[UUID] = mapped_column(ForeignKey("operators.id"))
    at: Mapped[datetime]


class ExportedCard(Base):
    """One card of an export: who has a code asks here who took it out. Insert-only."""

    __tablename__ = "exported_cards"

    export_id: Mapped[UUID] = mapped_column(ForeignKey("code_exports.id"), primary_key=True)
    card_id: Mapped[UUID] = mapped_column(ForeignKey("cards.id"), primary_key=True, index=True)
