"""A small flash sale without fault, made up, which each test spoils in one way."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from demo.chronicle import Deal, Purchase
from demo.facts import Facts
from demo.sale_record import Attempt, Loss, SaleRecord
from tests.demo.evenings import SKU, good_evening, order

OPENING: Final = datetime(2026, 11, 25, 12, tzinfo=UTC)
STOCK: Final = 4
EARLY, WINNER, BUYER_OF_TWO, FORGETFUL, WAITING, REFUSED = range(30, 36)


def at(seconds: float) -> datetime:
    """Return a moment so long after the opening."""
    return OPENING + timedelta(seconds=seconds)


def attempt(member: int, seconds: float, status: int, **more: Any) -> Attempt:
    """Return a request that was sent then and answered a tenth of a second later."""
    given = {
        "member": member,
        "key": f"key-{member}",
        "quantity": 1,
        "sent_at": at(seconds),
        "heard_at": at(seconds + 0.1),
        "status": status,
    }
    if status == 201:
        given |= {"order_id": f"id-{member}", "claimed_at": at(seconds + 0.05)}
    return Attempt(**{**given, **more})


def good_sale() -> Facts:
    """Four units: one and two bought in the rush, one lapsed and sold to a member who waited."""
    facts = good_evening()
    sale = SaleRecord(Deal("秒杀", "c", SKU, STOCK), 2, OPENING, members=6)
    sale.attempts = [
        attempt(EARLY, -1, 409, code="not_started"),
        attempt(WINNER, 0.1, 201),
        attempt(WINNER, 0.1, 201),  # pressed twice
        attempt(BUYER_OF_TWO, 0.2, 0, quantity=2),  # not answered
        attempt(BUYER_OF_TWO, 1.5, 201, quantity=2),
        attempt(WINNER, 1.6, 201, claimed_at=at(0.15)),
        attempt(FORGETFUL, 1.7, 201),
        attempt(REFUSED, 1.8, 409, code="sold_out"),
        attempt(EARLY, 1.9, 409, code="sold_out"),
        attempt(WAITING, 21, 201, is_offer=True),
    ]
    sale.losses = (Loss("crash", at(0.5), at(1.3)),)
    sale.looks = [{"at": str(second), "stock": STOCK, "sold": second} for second in range(STOCK)]
    sale.last_look = {"stock": STOCK, "sold": STOCK, "left": 0, "paid_percent": 100, "waiting": 1}
    sale.still_waiting = 1
    sale.orders_of_refused = {REFUSED: 0, EARLY: 0}
    facts.sale = sale
    facts.purchases = [*facts.purchases, *_orders()]
    return facts


def _orders() -> list[Purchase]:
    return [
        order(WINNER, "fulfilled", paid={"S1": "alipay"}),
        order(BUYER_OF_TWO, "fulfilled", quantity=2, paid={"S2": "alipay"}),
        order(FORGETFUL, "closed"),
        order(WAITING, "fulfilled", paid={"S3": "wechat_pay"}),
    ]
