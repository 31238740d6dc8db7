"""What the orders room tells."""

from dataclasses import dataclass
from typing import ClassVar

from kit.outbox import Event


@dataclass(frozen=True)
class OrderPaid(Event):
    """The platform has the money for an order."""

    name: ClassVar[str] = "orders.paid"

    order_id: str
    member_id: str


@dataclass(frozen=True)
class OrderFulfilled(Event):
    """Everything in an order is delivered."""

    name: ClassVar[str] = "orders.fulfilled"

    order_id: str
    member_id: str


@dataclass(frozen=True)
class OrderClosed(Event):
    """An order ended without being paid; its cards are free again."""

    name: ClassVar[str] = "orders.closed"

    order_id: str
    member_id: str
    reason: str


@dataclass(frozen=True)
class OrderRefunded(Event):
    """The platform confirmed a refund on an order; `is_whole` when nothing of it is left."""

    name: ClassVar[str] = "orders.refunded"

    order_id: str
    member_id: str
    refund_id: str
    amount_fen: int
    is_whole: bool
