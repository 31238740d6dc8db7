"""Orders that lapse, and money that comes at the last moment, late, or twice."""

from datetime import UTC, datetime, timedelta
from time import sleep

import pytest

from tests.journeys.auditor import new_sku
from tests.journeys.people import (
    CHANNELS,
    Json,
    Person,
    believe_closed,
    confirm,
    join_by_phone,
    trouble,
)
from tests.running_shop import RunningShop

LAPSED_SECONDS = 15.0


def free_stock(person: Person, sku: str) -> int:
    """Return how many units of a SKU are for sale."""
    products = person.get("/products?limit=50")["items"]
    found = [one for product in products for one in product["skus"] if one["id"] == sku]
    return int(found[0]["stock_left"])


def lapse(person: Person, order: Json) -> Json:
    """Wait until nobody has paid in time."""
    closed = person.await_status(order, "closed", within_seconds=LAPSED_SECONDS)
    assert closed["close_reason"] == "lapsed"
    return closed


def test_b44_a_lapsed_order_frees_its_cards_and_can_no_longer_be_paid(
    quick_shop: RunningShop, platform: str
) -> None:
    person = Person(quick_shop, platform)
    sku = new_sku(quick_shop, stock=2)
    order = person.place((sku, 2))
    assert free_stock(person, sku) == 0
    params = person.open_trade(order)
    closed = lapse(person, order)
    waited = datetime.fromisoformat(closed["closed_at"]) - datetime.fromisoformat(order["pay_by"])
    assert timedelta() <= waited < timedelta(seconds=60)
    assert confirm(quick_shop, person.channel, params).status_code == 409
    assert person.trade()["transaction_no"] is None
    assert free_stock(person, sku) == 2
    refused = person.ask("POST", f"/orders/{order['id']}/payments", {"channel": person.channel})
    assert (refused.status_code, refused.json()["code"]) == (409, "orders.not_payable")


def test_b44_an_order_without_a_trade_lapses_too(quick_shop: RunningShop, quick_sku: str) -> None:
    person = Person(quick_shop, "wechat")
    lapse(person, person.place((quick_sku, 1)))


def test_b32_late_money_revives_the_order_when_the_cards_can_be_had(
    quick_shop: RunningShop, quick_sku: str, platform: str
) -> None:
    person = Person(quick_shop, platform)
    order = person.place((quick_sku, 1))
    params = person.open_trade(order)
    believe_closed(person)
    lapse(person, order)
    assert confirm(quick_shop, person.channel, params).status_code == 200
    revived = person.await_status(order, "fulfilled")
    assert revived["refunds"] == []
    assert len(person.cards(order)) == 1


def test_b32_late_money_for_what_is_sold_goes_back_once(
    quick_shop: RunningShop, platform: str
) -> None:
    late, quick = Person(quick_shop, platform), Person(quick_shop, platform)
    sku = new_sku(quick_shop, stock=1)
    order = late.place((sku, 1))
    params = late.open_trade(order)
    believe_closed(late)
    lapse(late, order)
    quick.buy((sku, 1))
    assert confirm(quick_shop, late.channel, params).status_code == 200
    returned = late.await_refunds(order, "done")
    assert returned["status"] == "closed"
    assert [(row["reason"], row["amount_fen"]) for row in returned["refunds"]] == [
        ("late", order["total_fen"])
    ]
    assert late.trade()["refunded_fen"] == order["total_fen"]
    assert late.cards(order) == []


def test_b32_money_for_a_cancelled_order_goes_back_once(
    quick_shop: RunningShop, quick_sku: str, platform: str
) -> None:
    person = Person(quick_shop, platform)
    order = person.place((quick_sku, 1))
    params = person.open_trade(order)
    believe_closed(person)
    assert person.ask("POST", f"/orders/{order['id']}/cancel").status_code == 200
    assert person.await_status(order, "closed")["close_reason"] == "cancelled"
    assert confirm(quick_shop, person.channel, params).status_code == 200
    returned = person.await_refunds(order, "done")
    assert (returned["status"], len(returned["refunds"])) == ("closed", 1)


@pytest.mark.parametrize("ahead", [0.3, 0.0, -0.5, -1.0])
def test_b31_paying_at_the_moment_of_lapsing_is_paid_or_closed(
    quick_shop: RunningShop, quick_sku: str, ahead: float, platform: str
) -> None:
    person = Person(quick_shop, platform)
    order = person.place((quick_sku, 1))
    params = person.open_trade(order)
    left = datetime.fromisoformat(order["pay_by"]) - datetime.now(UTC)
    sleep(max(left.total_seconds() - ahead, 0))
    is_paid = confirm(quick_shop, person.channel, params).status_code == 200
    ended = person.await_status(order, "fulfilled", "closed")
    # Whatever the platform said to the payer is what the order says in the end.
    assert ended["status"] == ("fulfilled" if is_paid else "closed")
    assert bool(person.trade()["transaction_no"]) == is_paid


def test_b34_a_closing_whose_answer_is_lost_is_asked_for_again(
    quick_shop: RunningShop, quick_sku: str, platform: str
) -> None:
    person = Person(quick_shop, platform)
    order = person.place((quick_sku, 1))
    params = person.open_trade(order)
    target = {"wechat": "wechat_pay.close", "alipay": "alipay.trade_close"}[platform]
    match = {"out_trade_no": person.trade()["out_trade_no"]}
    trouble(quick_shop, target, "timeout_after_acting", times=2, delay_seconds=0.1, match=match)
    cancelled = person.ask("POST", f"/orders/{order['id']}/cancel").json()["order"]
    assert cancelled["is_cancelling"] or cancelled["status"] == "closed"
    person.await_status(order, "closed")
    assert confirm(quick_shop, person.channel, params).status_code == 409


def test_a_second_payment_through_the_other_platform_goes_back(
    quick_shop: RunningShop, quick_sku: str, platform: str
) -> None:
    person = Person(quick_shop, platform)
    other = Person(quick_shop, {"wechat": "alipay", "alipay": "wechat"}[platform])
    join_by_phone(person, other)
    order = person.place((quick_sku, 1))
    params = person.open_trade(order)
    believe_closed(person)
    person.pay(order, CHANNELS[other.platform])
    assert confirm(quick_shop, person.channel, params).status_code == 200
    settled = person.await_refunds(order, "done")
    assert settled["status"] == "fulfilled"
    assert [row["reason"] for row in settled["refunds"]] == ["double"]
    kept = sum(row["amount_fen"] for row in settled["payments"] if row["status"] == "captured")
    assert kept - settled["refunds"][0]["amount_fen"] == order["total_fen"]


def test_a_trade_left_for_the_other_platform_cannot_be_paid(
    quick_shop: RunningShop, quick_sku: str
) -> None:
    person, other = Person(quick_shop, "wechat"), Person(quick_shop, "alipay")
    join_by_phone(person, other)
    order = person.place((quick_sku, 1))
    params = person.open_trade(order, "wechat_pay")
    person.pay(order, "alipay")
    assert confirm(quick_shop, "wechat_pay", params).status_code == 409
    paid = person.await_status(order, "fulfilled")
    assert [row["status"] for row in paid["payments"]] == ["closed", "captured"]
