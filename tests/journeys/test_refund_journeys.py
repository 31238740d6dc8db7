"""Money on its way back: whole, in parts, told too early, told too often, and stuck."""

from collections.abc import Iterator

import pytest

from tests.journeys.people import (
    REFUNDS,
    Json,
    Person,
    eventually,
    notices_of,
    refunds_of,
    trouble,
)
from tests.running_shop import RunningShop

REFUND_NOTICES = {"wechat_pay": "wechat_pay.refund_notice", "alipay": "alipay.notice"}


def ask_back(person: Person, order: Json, **what: object) -> Json:
    """Ask for money back and return the answer."""
    answer = person.ask("POST", f"/orders/{order['id']}/refunds", dict(what))
    assert answer.status_code == 201, answer.text
    told: Json = answer.json()
    return told


@pytest.fixture
def badly_ending(shop: RunningShop) -> Iterator[RunningShop]:
    """Return the shop while WeChat Pay cannot give money back to its payers."""
    shop.sandbox.post("settings", {"wechat_pay_refund_outcome": "ABNORMAL"})
    yield shop
    shop.sandbox.post("settings", {"wechat_pay_refund_outcome": "SUCCESS"})


def test_a_whole_refund_takes_the_cards_back(shop: RunningShop, sku: str, platform: str) -> None:
    person = Person(shop, platform)
    order = person.buy((sku, 2))
    cards = person.cards(order)
    told = ask_back(person, order)
    assert told["order"]["status"] == "refunding"
    assert [refund["amount_fen"] for refund in told["refunds"]] == [order["total_fen"]]
    assert [person.reveal(card).status_code for card in cards] == [404, 404]
    done = person.await_status(order, "refunded")
    assert [refund["status"] for refund in done["refunds"]] == ["done"]
    assert person.cards(order) == []
    assert person.trade()["refunded_fen"] == order["total_fen"]
    refused = person.ask("POST", f"/orders/{order['id']}/refunds", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "orders.not_refundable")


def test_f97_refunds_in_parts_leave_what_was_seen(
    shop: RunningShop, sku: str, platform: str
) -> None:
    person = Person(shop, platform)
    order = person.buy((sku, 3))
    (line,) = order["lines"]
    assert person.reveal(person.cards(order)[0]).status_code == 200
    ask_back(person, order, line_id=line["id"], quantity=1)
    partly = person.await_status(order, "fulfilled")
    assert partly["refunded_fen"] == line["unit_price_fen"]
    ask_back(person, order)
    person.await_status(order, "fulfilled")
    refused = person.ask("POST", f"/orders/{order['id']}/refunds", {})
    assert refused.json()["code"] == "orders.not_refundable"
    assert [card["status"] for card in person.cards(order)] == ["revealed"]
    assert person.trade()["refunded_fen"] == 2 * line["unit_price_fen"]
    assert len(refunds_of(shop, person.channel, person.trade()["out_trade_no"])) == 2


def test_one_key_asks_for_money_back_once(shop: RunningShop, sku: str) -> None:
    person = Person(shop, "wechat")
    order = person.buy((sku, 2))
    path, body = f"/orders/{order['id']}/refunds", {"line_id": order["lines"][0]["id"]}
    first = person.ask("POST", path, body, key="back")
    assert person.ask("POST", path, body, key="back").text == first.text
    done = person.await_status(order, "refunded")
    assert len(done["refunds"]) == 1


def test_a24_f99_a_refund_told_before_its_answer_is_done_once(shop: RunningShop, sku: str) -> None:
    person = Person(shop, "wechat")
    order = person.buy((sku, 1))
    shop.sandbox.post("settings", {"refund_processing_seconds": 0})
    trouble(shop, "wechat_pay.refund", "delay", delay_seconds=3)
    ask_back(person, order)
    done = person.await_status(order, "refunded")
    number = person.trade()["out_trade_no"]
    assert notices_of(shop, number, "wechat_pay.refund_notice")[0]["state"] == "delivered"
    shop.sandbox.post("settings", {"refund_processing_seconds": 1})
    assert [refund["status"] for refund in done["refunds"]] == ["done"]
    assert len(refunds_of(shop, "wechat_pay", number)) == 1


def test_f99_a_refund_told_fifty_times_at_once_is_done_once(
    shop: RunningShop, sku: str, platform: str
) -> None:
    person = Person(shop, platform)
    order = person.buy((sku, 1))
    ask_back(person, order)
    person.await_status(order, "refunded")
    number = person.trade()["out_trade_no"]
    target = REFUND_NOTICES[person.channel]
    notice = notices_of(shop, number, target)[-1]
    again = {"notice_id": notice["notice_id"], "times": 50, "parallel": True}
    answers = shop.sandbox.post("notices/resend", again)["answers"]
    assert {answer["status"] for answer in answers} <= {200, 204}
    assert len(person.order(order)["refunds"]) == 1


def test_j159_a_refund_whose_answer_is_lost_is_asked_about(
    shop: RunningShop, sku: str, platform: str
) -> None:
    person = Person(shop, platform)
    order = person.buy((sku, 1))
    number = person.trade()["out_trade_no"]
    match = {"out_trade_no": number}
    trouble(shop, REFUNDS[person.channel], "timeout_after_acting", delay_seconds=0.1, match=match)
    trouble(shop, REFUND_NOTICES[person.channel], "drop", times=None, match=match)
    ask_back(person, order)
    person.await_status(order, "refunded")
    assert len(refunds_of(shop, person.channel, number)) == 1


def test_f99_an_abnormal_refund_is_stuck_until_a_person_acts(
    badly_ending: RunningShop, sku: str
) -> None:
    shop = badly_ending
    person = Person(shop, "wechat")
    order = person.buy((sku, 1))
    ask_back(person, order)
    stuck = person.await_refunds(order, "stuck")
    assert stuck["status"] == "refunding"
    (there,) = refunds_of(shop, "wechat_pay", person.trade()["out_trade_no"])
    number = there["out_refund_no"]
    assert number in shop.flask("refunds", "stuck").stdout

    # Tried again as it is, it is stuck again, under the same number.
    assert shop.flask("refunds", "retry", number).returncode == 0
    eventually(lambda: number in shop.flask("refunds", "stuck").stdout)
    assert len(refunds_of(shop, "wechat_pay", person.trade()["out_trade_no"])) == 1

    # The merchant's staff sends it another way; this time the notice is lost.
    shop.sandbox.post("settings", {"wechat_pay_refund_outcome": "SUCCESS"})
    trouble(shop, "wechat_pay.refund_notice", "drop", times=None, match={"out_refund_no": number})
    shop.sandbox.post("wechat-pay/resolve-refund", {"out_refund_no": number})
    eventually(lambda: person.trade()["refunded_fen"] == order["total_fen"])
    assert person.order(order)["status"] == "refunding"
    assert shop.flask("refunds", "retry", number).returncode == 0
    done = person.await_status(order, "refunded")
    assert [refund["status"] for refund in done["refunds"]] == ["done"]
    assert shop.flask("refunds", "retry", number).returncode != 0


def test_f99_an_abnormal_refund_that_is_resolved_there_is_done_here(
    badly_ending: RunningShop, sku: str
) -> None:
    shop = badly_ending
    person = Person(shop, "wechat")
    order = person.buy((sku, 1))
    ask_back(person, order)
    person.await_refunds(order, "stuck")
    (there,) = refunds_of(shop, "wechat_pay", person.trade()["out_trade_no"])
    shop.sandbox.post("settings", {"wechat_pay_refund_outcome": "SUCCESS"})
    shop.sandbox.post("wechat-pay/resolve-refund", {"out_refund_no": there["out_refund_no"]})
    person.await_status(order, "refunded")
