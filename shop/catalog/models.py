"""Tables of the catalogue: products, and the SKUs in which they are sold."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, PrimaryId, fen_not_negative, positive_fen, text_enum
from kit.lifecycle import Lifecycle
from kit.money import MOST_FEN, Fen


class ProductStatus(StrEnum):
    """Whether a product is shown."""

    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


PRODUCT_LIFECYCLE = Lifecycle(
    "product",
    initial=ProductStatus.DRAFT,
    moves={
        ProductStatus.DRAFT: {ProductStatus.PUBLISHED},
        ProductStatus.PUBLISHED: {ProductStatus.WITHDRAWN},
        ProductStatus.WITHDRAWN: {ProductStatus.PUBLISHED},
    },
)


class Scenario(StrEnum):
    """What a product is for; members browse by it."""

    GAMING = "gaming"
    VIDEO = "video"
    SHOPPING = "shopping"
    WORK = "work"
    HOME = "home"
    LOCAL_LIFE = "local_life"


class SkuKind(StrEnum):
    """How a SKU is delivered."""

    CARD_CODE = "card_code"


class RefundRule(StrEnum):
    """Until when a member may have the money back."""

    UNTIL_REVEALED = "until_revealed"
    UNTIL_REDEEMED = "until_redeemed"
    NEVER = "never"


class SaleChannel(StrEnum):
    """Where a SKU may be sold; switched one by one."""

    WEAPP_IOS = "weapp_ios"
    WEAPP_ANDROID = "weapp_android"
    ALIPAY = "alipay"
    H5 = "h5"


class Product(Base):
    """Something members know by name, sold as one or more SKUs."""

    __tablename__ = "products"
    lifecycle = PRODUCT_LIFECYCLE

    id: Mapped[PrimaryId]
    status: Mapped[ProductStatus] = mapped_column(
        text_enum(ProductStatus, name="status_listed"), index=True
    )
    title: Mapped[str] = mapped_column(String(80))
    brand: Mapped[str] = mapped_column(String(40))
    scenario: Mapped[Scenario] = mapped_column(text_enum(Scenario, name="scenario_listed"))
    pictures: Mapped[list[str]]
    purchase_notes: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]


class Sku(Base):
    """One sellable form of a product. Prices are in fen; limits count units."""

    __tablename__ = "skus"
    __table_args__ = (
        positive_fen("face_value_fen"),
        positive_fen("list_price_fen"),
        fen_not_negative("cost_fen"),
        CheckConstraint("limit_per_order BETWEEN 1 AND 100", name="limit_per_order_sane"),
        CheckConstraint("limit_per_day >= 1", name="limit_per_day_sane"),
        CheckConstraint("limit_ever >= 1", name="limit_ever_sane"),
        CheckConstraint("warranty_days BETWEEN 0 AND 3650", name="warranty_days_sane"),
        CheckConstraint(
            "(help_sell_min_fen IS NULL) = (help_sell_max_fen IS NULL)", name="help_sell_whole"
        ),
        CheckConstraint(
            "help_sell_min_fen > 0 AND help_sell_min_fen <= help_sell_max_fen"
            f" AND help_sell_max_fen <= {MOST_FEN}",
            name="help_sell_sane",
        ),
    )

    id: Mapped[PrimaryId]
    product_id: Mapped[UUID] = mapped_column(ForeignKey("products.id"), index=True)
    kind: Mapped[SkuKind] = mapped_column(text_enum(SkuKind, name="kind_listed"))
    code: Mapped[str] = mapped_column(String(40), unique=True)  # how operators name it
    title: Mapped[str] = mapped_column(String(80))
    face_value_fen: Mapped[Fen]
    list_price_fen: Mapped[Fen]
    cost_fen: Mapped[Fen]
    limit_per_order: Mapped[int] = mapped_column(default=10)
    limit_per_day: Mapped[int | None]
    limit_ever: Mapped[int | None]
    refund_rule: Mapped[RefundRule] = mapped_column(
        text_enum(RefundRule, name="refund_rule_listed"), default=RefundRule.UNTIL_REVEALED
    )
    warranty_days: Mapped[int] = mapped_column(default=30)
    on_sale: Mapped[dict[str, Any]]  # SaleChannel → bool
    # 帮卖: the prices a leader may sell it at; NULL: leaders do not sell it
    help_sell_min_fen: Mapped[Fen | None]
    help_sell_max_fen: Mapped[Fen | None]
    created_at: Mapped[datetime]
