"""What a shop does all day, one scenario each: set up, do it, and what must be true at the end."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shop.orders.models import OrderStatus
from shop.payments.gateway import Channel
from tests.factories.bench import PAY_WITHIN, Bench

Act = Callable[[], object]
Check = Callable[[], bool]
ENDS = (OrderStatus.FULFILLED, OrderStatus.CLOSED, OrderStatus.REFUNDED)


@dataclass(frozen=True)
class Scenario:
    """Something to do, which may fail at any point, and what holds after the sweeps have run."""

    act: Act
    holds: Check


def place_order(shop: Bench) -> Scenario:
    """A member orders and never comes back: the cards are free again."""
    sku_id, other, member = shop.sku(2), shop.sku(2), shop.member()

    def holds() -> bool:
        shop.place(member, (sku_id, 2), (other, 2))  # everything is there again
        return True

    return Scenario(lambda: shop.place(member, (sku_id, 2), (other, 1)), holds)


def prepay(shop: Bench) -> Scenario:
    """A member opens a trade and never pays: nothing can be paid afterwards."""
    order_id = shop.place(shop.member(), (shop.sku(1), 1))

    def holds() -> bool:
        states = {trade["state"] for trade in shop.wechat.trades.values()}
        return shop.order(order_id).status is OrderStatus.CLOSED and states <= {"closed", "paid"}

    return Scenario(lambda: shop.start_payment(order_id), holds)


def change_channel(shop: Bench) -> Scenario:
    """A member changes to the other channel and pays there."""
    order_id, _ = shop.open_trade()
    alipay = shop.platforms[Channel.ALIPAY]

    def act() -> None:
        number = shop.start_payment(order_id, Channel.ALIPAY).out_trade_no
        alipay.pay(number)
        shop.notify(number, Channel.ALIPAY)

    def holds() -> bool:
        is_paid = any(alipay.is_paid(row.out_trade_no) for row in shop.payments(order_id))
        wanted = OrderStatus.FULFILLED if is_paid else OrderStatus.CLOSED
        return shop.order(order_id).status is wanted

    return Scenario(act, holds)


def pay_by_notice(shop: Bench) -> Scenario:
    """The notice comes once, and is never repeated: the order is delivered all the same."""
    order_id, number = shop.open_trade((shop.sku(3), 2))
    shop.wechat.pay(number)
    return Scenario(lambda: shop.notify(number), _is(shop, order_id, OrderStatus.FULFILLED))


def pay_by_query(shop: Bench) -> Scenario:
    """No notice comes: the sweep asks."""
    order_id, number = shop.open_trade()
    shop.wechat.pay(number)
    shop.now += timedelta(seconds=30)
    return Scenario(lambda: shop.sweep("ask"), _is(shop, order_id, OrderStatus.FULFILLED))


def cancel(shop: Bench) -> Scenario:
    """A member cancels while a trade is open; if the wish got through, the order is closed."""
    order_id, number = shop.open_trade()

    def act() -> None:
        shop.cancel(order_id)
        shop.sweep("close")

    def holds() -> bool:
        is_closed = shop.order(order_id).status is OrderStatus.CLOSED
        return is_closed and shop.wechat.trades[number]["state"] == "closed"

    return Scenario(act, holds)


def lapse(shop: Bench) -> Scenario:
    """Nobody pays: closed at the platform, closed here, cards free."""
    order_id, number = shop.open_trade()
    shop.now += PAY_WITHIN

    def holds() -> bool:
        is_closed = shop.order(order_id).status is OrderStatus.CLOSED
        return is_closed and shop.wechat.trades[number]["state"] == "closed"

    return Scenario(lambda: shop.sweep("close"), holds)


def lapse_when_paid(shop: Bench) -> Scenario:
    """Paid in the last moment, and no notice: closing tells."""
    order_id, number = shop.open_trade()
    shop.wechat.pay(number)
    shop.now += PAY_WITHIN
    return Scenario(lambda: shop.sweep("close"), _is(shop, order_id, OrderStatus.FULFILLED))


def late_payment(shop: Bench) -> Scenario:
    """The order has lapsed and its card is sold: the money goes back once.

    The platform repeats its notice until it is taken, as platforms do: we no longer ask.
    """
    sku_id = shop.sku(1)
    order_id, number = shop.open_trade((sku_id, 1))
    shop.now += PAY_WITHIN
    shop.sweep("close")
    shop.bought((sku_id, 1))
    shop.wechat.pay(number, force=True)

    def holds() -> bool:
        refunds = shop.refunds(order_id)
        return len(refunds) == 1 and refunds[0].amount_fen == 1000

    return Scenario(lambda: shop.notify(number), lambda: _told(shop, number) and holds())


def refund(shop: Bench) -> Scenario:
    """A member gives two of three units back; asked or not asked, never in between."""
    order_id = shop.bought((shop.sku(3), 3))
    line_id = shop.lines(order_id)[0].id

    def act() -> None:
        shop.refund(order_id, line_id=line_id, quantity=2)
        shop.sweep("refund")

    def holds() -> bool:
        fen = [row.amount_fen for row in shop.refunds(order_id)]
        return shop.order(order_id).status is OrderStatus.FULFILLED and fen in ([], [2000])

    return Scenario(act, holds)


def reveal(shop: Bench) -> Scenario:
    """A member looks at a code."""
    order_id = shop.bought()

    def act() -> None:
        shop.reveal(order_id)

    return Scenario(act, _is(shop, order_id, OrderStatus.FULFILLED))


def report_delivery(shop: Bench) -> Scenario:
    """WeChat hears of the delivery, at least once."""
    order_id = shop.bought()
    number = shop.payments(order_id)[0].out_trade_no
    return Scenario(lambda: shop.sweep("report"), lambda: number in shop.desk.reported)


def reconcile(shop: Bench) -> Scenario:
    """The bill knows of a payment and a refund that we do not."""
    order_id, number = shop.open_trade()
    given_back = shop.bought()
    shop.refund(given_back)
    shop.wechat.pay(number)
    shop.now = shop.now.replace(hour=2, minute=30) + timedelta(days=1)

    def holds() -> bool:
        is_delivered = shop.order(order_id).status is OrderStatus.FULFILLED
        return is_delivered and shop.order(given_back).status is OrderStatus.REFUNDED

    return Scenario(lambda: shop.sweep("reconcile"), holds)


def _is(shop: Bench, order_id: Any, status: OrderStatus) -> Check:
    return lambda: shop.order(order_id).status is status


def _told(shop: Bench, number: str) -> bool:
    shop.notify(number)
    shop.recover()
    return True


SCENARIOS: list[Callable[[Bench], Scenario]] = [
    place_order,
    prepay,
    change_channel,
    pay_by_notice,
    pay_by_query,
    cancel,
    lapse,
    lapse_when_paid,
    late_payment,
    refund,
    reveal,
    report_delivery,
    reconcile,
]
