"""Orders as their member sees them."""

from uuid import UUID

from pydantic import Field, StrictInt, model_validator

from miniprogram_api.schemas.answers import Fen, Given, Moment, PageQuery, PageRead, Read, Sent
from shop.catalog.models import RefundRule, SaleChannel, SkuKind
from shop.orders.models import CloseReason, OrderStatus
from shop.payments.gateway import Channel
from shop.payments.models import PaymentStatus, RefundReason, RefundStatus


class LineIn(Sent):
    """Units of one SKU."""

    sku_id: UUID
    quantity: StrictInt = Field(ge=1, le=100)


class OrderIn(Sent):
    """What the member wants, each SKU in one line."""

    lines: list[LineIn] = Field(min_length=1, max_length=20)


class OrderQuery(PageQuery):
    """Which orders."""

    status: OrderStatus | None = None


class WaitQuery(Sent):
    """How long to wait for news."""

    wait: int = Field(
        default=0, ge=0, le=10, description="Seconds to wait for a pending order to change."
    )


class LineOut(Given):
    """One line, on the terms of the moment it was ordered."""

    id: UUID
    sku_id: UUID
    product_id: UUID
    product_title: str
    sku_title: str
    brand: str
    picture: str | None
    kind: SkuKind
    quantity: int
    face_value_fen: Fen
    unit_price_fen: Fen
    total_fen: Fen
    refunded_fen: Fen
    refunded_quantity: int
    refund_rule: RefundRule
    warranty_days: int
    purchase_notes: str


class OrderOut(Given):
    """An order and its lines."""

    id: UUID
    order_no: str
    status: OrderStatus
    sale_channel: SaleChannel
    total_fen: Fen
    refunded_fen: Fen
    is_held: bool
    is_cancelling: bool = Field(description="Cancelled, while its open trade is being closed.")
    close_reason: CloseReason | None
    placed_at: Moment
    pay_by: Moment
    paid_at: Moment | None
    fulfilled_at: Moment | None
    closed_at: Moment | None
    lines: list[LineOut]


class OrderPaymentOut(Given):
    """A payment of an order."""

    id: UUID
    channel: Channel
    status: PaymentStatus
    amount_fen: Fen
    created_at: Moment
    captured_at: Moment | None


class RefundOut(Given):
    """Money that goes back, or went."""

    id: UUID
    reason: RefundReason
    status: RefundStatus
    amount_fen: Fen
    requested_at: Moment
    done_at: Moment | None


class OrderRead(OrderOut, Read):
    """One order with its payments and refunds."""

    payments: list[OrderPaymentOut]
    refunds: list[RefundOut]


class OrderPage(PageRead):
    """A page of the member's orders, newest first."""

    items: list[OrderOut]


class OrderAnswer(Given):
    """The order as it stands after the request."""

    order: OrderOut


class RefundIn(Sent):
    """What to give back: nothing said means all that may go back."""

    line_id: UUID | None = None
    quantity: StrictInt | None = Field(default=None, ge=1, le=100)

    @model_validator(mode="after")
    def _name_the_line(self) -> "RefundIn":
        if self.quantity is not None and self.line_id is None:
            raise ValueError("a quantity needs its line_id")
        return self


class RefundAnswer(Given):
    """The order, and the refunds that were promised by this request."""

    order: OrderOut
    refunds: list[RefundOut]
