"""Tables of orders: the order, and its lines with a snapshot of what was promised."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, PrimaryId, fen_not_negative, positive_fen, text_enum
from kit.lifecycle import Lifecycle
from kit.money import Fen
from kit.sweep import Retried
from shop.catalog.models import SaleChannel


class OrderStatus(StrEnum):
    """How an order stands, as members see it."""

    PENDING = "pending"
    PAID = "paid"
    FULFILLED = "fulfilled"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    CLOSED = "closed"


ORDER_LIFECYCLE = Lifecycle(
    "order",
    initial=OrderStatus.PENDING,
    moves={
        OrderStatus.PENDING: {OrderStatus.PAID, OrderStatus.CLOSED},
        OrderStatus.PAID: {OrderStatus.FULFILLED, OrderStatus.REFUNDING},
        OrderStatus.FULFILLED: {OrderStatus.REFUNDING},
        # A partial refund, once confirmed, leaves the order fulfilled for the rest.
        OrderStatus.REFUNDING: {OrderStatus.REFUNDED, OrderStatus.FULFILLED},
        OrderStatus.REFUNDED: set(),
        # A payment that arrives late revives the order when its cards can be reserved again.
        OrderStatus.CLOSED: {OrderStatus.PAID},
    },
)


class CloseReason(StrEnum):
    """Why an order closed without being paid."""

    LAPSED = "lapsed"
    CANCELLED = "cancelled"


# Which rows the indexes of the console's lists hold, said so that no purchase and no sweep comes to
# use them: a plan that was made while the table was nearly empty would prefer them, and be kept.
LISTED: Final = "lower(orders.status) <> 'fulfilled'"
LISTED_CAMPAIGN: Final = "CAST(orders.campaign_id AS text) <> ''"


class Order(Base, Retried):
    """One purchase by one member; `due_at` is when a sweep must close or fulfil it."""

    __tablename__ = "orders"
    __table_args__ = (
        positive_fen("total_fen"),
        CheckConstraint(
            "status NOT IN ('paid', 'fulfilled', 'refunding', 'refunded') OR paid_at IS NOT NULL",
            name="paid_when",
        ),
        CheckConstraint("(status = 'closed') <= (closed_at IS NOT NULL)", name="closed_when"),
        Index("ix_orders_member_id", "member_id", "id"),
        Index("ix_orders_listed", "status", "id", postgresql_where=LISTED),
        Index("ix_orders_listed_campaign", "campaign_id", "id", postgresql_where=LISTED_CAMPAIGN),
        Index("ix_orders_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
        Index(
            "ix_orders_campaign_id",
            "campaign_id",
            "member_id",
            postgresql_where="campaign_id IS NOT NULL",
        ),
    )
    lifecycle = ORDER_LIFECYCLE

    id: Mapped[PrimaryId]
    order_no: Mapped[str] = mapped_column(String(32), unique=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    sale_channel: Mapped[SaleChannel] = mapped_column(
        text_enum(SaleChannel, name="sale_channel_listed")
    )
    status: Mapped[OrderStatus] = mapped_column(text_enum(OrderStatus, name="status_listed"))
    total_fen: Mapped[Fen]
    campaign_id: Mapped[UUID | None]  # opaque: what it was sold through
    is_held: Mapped[bool] = mapped_column(default=False)  # paid orders of an open group wait
    # Whether a payment after its time buys its cards again; else the money goes back.
    is_revivable: Mapped[bool] = mapped_column(default=True)
    # Counts changes; one that was made without the row's lock fails by it.
    version: Mapped[int] = mapped_column()
    close_reason: Mapped[CloseReason | None] = mapped_column(
        text_enum(CloseReason, name="close_reason_listed")
    )
    placed_at: Mapped[datetime]
    pay_by: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    fulfilled_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class OrderLine(Base):
    """Units of one SKU in an order, at the price and on the terms of that moment."""

    __tablename__ = "order_lines"
    __table_args__ = (
        UniqueConstraint("order_id", "position"),
        CheckConstraint("quantity BETWEEN 1 AND 100", name="quantity_sane"),
        positive_fen("unit_price_fen"),
        positive_fen("total_fen"),
        fen_not_negative("refunded_fen"),
        CheckConstraint("total_fen = unit_price_fen * quantity", name="total_adds_up"),
        CheckConstraint("refunded_fen <= total_fen", name="refunded_within_total"),
        CheckConstraint("dropped_fen BETWEEN 0 AND unit_price_fen - 1", name="dropped_sane"),
        Index("ix_order_lines_limit", "member_id", "sku_id"),
    )

    id: Mapped[PrimaryId]
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    position: Mapped[int]
    member_id: Mapped[UUID]  # the order's, repeated so that limits are counted by one index
    sku_id: Mapped[UUID] = mapped_column(ForeignKey("skus.id"))
    quantity: Mapped[int]
    unit_price_fen: Mapped[Fen]
    total_fen: Mapped[Fen]
    refunded_fen: Mapped[Fen] = mapped_column(default=0)
    refunded_quantity: Mapped[int] = mapped_column(default=0)
    dropped_fen: Mapped[Fen] = mapped_column(default=0)  # of each unit's price, given back since
    snapshot: Mapped[dict[str, Any]]
