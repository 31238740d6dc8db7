"""Payment notices as they come in bad weather: lost, many, late, out of order, false."""

import pytest

from tests.journeys.people import (
    NOTICES,
    OPENINGS,
    Json,
    Person,
    confirm,
    eventually,
    forge,
    notices_of,
    trades_of,
    trouble,
)
from tests.running_shop import RunningShop

SWEPT_SECONDS = 60.0
REFUSED = {401, 409}


def match_of(person: Person) -> Json:
    """Return what names this payer's newest trade in a fault."""
    return {"out_trade_no": person.trade()["out_trade_no"]}


def test_a23_a_notice_that_never_comes_is_made_up_for(
    shop: RunningShop, sku: str, platform: str
) -> None:
    person = Person(shop, platform)
    order = person.place((sku, 1))
    params = person.open_trade(order)
    target = NOTICES[person.channel]
    trouble(shop, target, "drop", times=None, match=match_of(person))
    assert confirm(shop, person.channel, params).status_code == 200
    person.await_status(order, "fulfilled", within_seconds=SWEPT_SECONDS)
    (notice,) = notices_of(shop, person.trade()["out_trade_no"], target)
    assert all(attempt["status"] is None for attempt in notice["attempts"])


def test_a7_a_notice_fifty_times_at_once_is_applied_once(
    shop: RunningShop, sku: str, platform: str
) -> None:
    person = Person(shop, platform)
    order = person.place((sku, 1))
    params = person.open_trade(order)
    # Nothing comes by itself until all fifty have come at once.
    trouble(shop, NOTICES[person.channel], "delay", delay_seconds=4, match=match_of(person))
    told = confirm(shop, person.channel, params).json()
    again = {"notice_id": told["notice_id"], "times": 50, "parallel": True}
    answers = shop.sandbox.post("notices/resend", again)["answers"]
    assert {answer["status"] for answer in answers} <= {200, 204}
    paid = person.await_status(order, "fulfilled")
    assert len(paid["payments"]) == 1
    assert len(person.cards(order)) == 1


def test_a7_a_duplicated_and_a_late_notice_change_nothing_more(
    shop: RunningShop, sku: str, platform: str
) -> None:
    person = Person(shop, platform)
    order = person.place((sku, 1))
    params = person.open_trade(order)
    trouble(shop, NOTICES[person.channel], "duplicate", count=5, match=match_of(person))
    told = confirm(shop, person.channel, params).json()
    person.await_status(order, "fulfilled")
    before = person.order(order)
    shop.sandbox.post("notices/resend", {"notice_id": told["notice_id"], "times": 3})
    after = person.order(order)
    assert {**after, "server_time": ""} == {**before, "server_time": ""}


def test_a24_a_payment_told_after_its_refund_changes_nothing(
    shop: RunningShop, sku: str, platform: str
) -> None:
    person = Person(shop, platform)
    order = person.place((sku, 1))
    params = person.open_trade(order)
    target, match = NOTICES[person.channel], match_of(person)
    trouble(shop, target, "drop", times=1, match=match)  # the first attempt only
    trouble(shop, target, "delay", delay_seconds=12, match=match)  # the second comes late
    told = confirm(shop, person.channel, params).json()
    person.await_status(order, "fulfilled", within_seconds=SWEPT_SECONDS)
    assert person.ask("POST", f"/orders/{order['id']}/refunds", {}).status_code == 201
    person.await_status(order, "refunded")
    eventually(
        lambda: any(
            notice["notice_id"] == told["notice_id"] and notice["state"] == "delivered"
            for notice in notices_of(shop, match["out_trade_no"], target)
        ),
        what="the late notice is delivered",
    )
    assert person.order(order)["status"] == "refunded"


def test_a24_notices_in_another_order_are_each_applied(
    shop: RunningShop, sku: str, platform: str
) -> None:
    first, second = Person(shop, platform), Person(shop, platform)
    orders = [person.place((sku, 1)) for person in (first, second)]
    opened = [
        person.open_trade(order) for person, order in zip((first, second), orders, strict=True)
    ]
    trouble(shop, NOTICES[first.channel], "reorder", match=match_of(first))
    for person, params in zip((first, second), opened, strict=True):
        assert confirm(shop, person.channel, params).status_code == 200
    for person, order in zip((first, second), orders, strict=True):
        person.await_status(order, "fulfilled")


def test_a25_a26_a_notice_whose_answer_is_lost_comes_again_and_is_applied_once(
    shop: RunningShop, sku: str, platform: str
) -> None:
    person = Person(shop, platform)
    order = person.place((sku, 1))
    params = person.open_trade(order)
    target, match = NOTICES[person.channel], match_of(person)
    trouble(shop, target, "timeout_after_acting", times=2, match=match)
    assert confirm(shop, person.channel, params).status_code == 200
    person.await_status(order, "fulfilled")
    look = lambda: notices_of(shop, match["out_trade_no"], target)[0]["state"]  # noqa: E731 - a look
    eventually(lambda: look() == "delivered", what="the third attempt is heard")
    assert len(person.cards(order)) == 1


def test_a22_paid_before_the_shop_has_the_answer_to_its_opening(
    shop: RunningShop, sku: str
) -> None:
    person = Person(shop, "alipay")
    order = person.place((sku, 1))
    trouble(shop, "alipay.trade_create", "delay", delay_seconds=4)
    path = f"/orders/{order['id']}/payments"
    opening = person.ask_aside("POST", path, {"channel": "alipay"})
    trade = eventually(lambda: (trades_of(person, "alipay") or [None])[-1], what="it is opened")
    assert trade is not None
    assert confirm(shop, "alipay", {"tradeNO": trade["trade_no"]}).status_code == 200
    person.await_status(order, "fulfilled", within_seconds=3.5)
    answer = opening.result()
    assert (answer.status_code, answer.json()["code"]) == (409, "orders.not_payable")
    assert len(person.order(order)["payments"]) == 1


def test_b34_j159_an_opening_whose_answer_is_lost_is_the_same_trade_again(
    shop: RunningShop, sku: str, platform: str
) -> None:
    person = Person(shop, platform)
    order = person.place((sku, 1))
    trouble(shop, OPENINGS[person.channel], "timeout_after_acting", delay_seconds=0.1)
    path, body = f"/orders/{order['id']}/payments", {"channel": person.channel}
    unsure = person.ask("POST", path, body, key="pay")
    assert (unsure.status_code, unsure.json()["code"]) == (503, "payments.platform_unavailable")
    assert int(unsure.headers["Retry-After"]) > 0
    answer = person.ask("POST", path, body, key="pay")
    assert answer.status_code == 201
    assert person.ask("POST", path, body, key="pay").text == answer.text
    assert len(trades_of(person, person.channel)) == 1
    assert confirm(shop, person.channel, answer.json()["params"]).status_code == 200
    paid = person.await_status(order, "fulfilled")
    assert len(paid["payments"]) == 1


def false_notices(channel: str, trade: Json) -> dict[str, Json]:
    """Return what nobody honest sends about a trade, by the number of the attack."""
    number, fen = trade["out_trade_no"], trade["total_fen"]
    if channel == "wechat_pay":
        paid = {
            "out_trade_no": number,
            "transaction_id": f"4200{number[-20:]}",
            "amount": {"total": fen, "payer_total": fen},
        }
        less = {"total": fen - 1, "payer_total": fen - 1}
        return {
            "a1 signed by a stranger": {"plain": paid, "key": "stranger"},
            "a1 not signed": {"plain": paid, "signature": ""},
            "a6 ten minutes old": {"plain": paid, "age_seconds": 600},
            "a10 a fen less": {"plain": {**paid, "amount": less}},
            "a10 in dollars": {"plain": {**paid, "amount": {"currency": "USD"}}},
            "a14 another merchant": {"plain": {**paid, "mchid": "1900000001"}},
            "a14 another application": {"plain": {**paid, "appid": "wx0000000000000000"}},
            "a15 unknown": {"plain": {**paid, "out_trade_no": "TP00000000000000000000"}},
        }
    paid = {"out_trade_no": number, "trade_no": trade["trade_no"], "total_amount": yuan(fen)}
    return {
        "a1 signed by a stranger": {"fields": paid, "key": "stranger"},
        "a1 not signed": {"fields": paid, "without": ["sign"]},
        "a10 a fen less": {"fields": {**paid, "total_amount": yuan(fen - 1)}},
        "a10 a hundred times": {"fields": {**paid, "total_amount": str(fen)}},
        "a14 another merchant": {"fields": {**paid, "seller_id": "2088000000000001"}},
        "a14 another application": {"fields": {**paid, "app_id": "2021000000000000"}},
        "a15 unknown": {"fields": {**paid, "out_trade_no": "TP00000000000000000000"}},
        "a19 another algorithm": {"fields": paid, "sign_type": "RSA"},
    }


def yuan(fen: int) -> str:
    """Write fen as Alipay does."""
    return f"{fen // 100}.{fen % 100:02d}"


@pytest.mark.parametrize("platform", ["wechat", "alipay"])
def test_a1_a6_a10_a14_a15_a19_false_notices_change_nothing(
    shop: RunningShop, sku: str, platform: str
) -> None:
    person = Person(shop, platform)
    earlier = person.place((sku, 1))
    notice_id = person.pay(earlier)["notice_id"]
    person.await_status(earlier, "fulfilled")
    order = person.place((sku, 1))
    params = person.open_trade(order)
    before = {**person.order(order), "server_time": ""}
    for name, body in false_notices(person.channel, person.trade()).items():
        status = forge(shop, person.channel, {"notice_id": notice_id, **body})
        assert status in REFUSED, name
        assert {**person.order(order), "server_time": ""} == before, name
    assert confirm(shop, person.channel, params).status_code == 200
    person.await_status(order, "fulfilled")


def test_a13_a_platform_cannot_confirm_the_other_ones_trade(shop: RunningShop, sku: str) -> None:
    payer, target = Person(shop, "alipay"), Person(shop, "wechat")
    earlier = payer.place((sku, 1))
    notice_id = payer.pay(earlier)["notice_id"]
    order = target.place((sku, 1))
    params = target.open_trade(order)
    trade = target.trade()
    fields = {"out_trade_no": trade["out_trade_no"], "total_amount": yuan(trade["total_fen"])}
    assert forge(shop, "alipay", {"notice_id": notice_id, "fields": fields}) in REFUSED
    assert target.order(order)["status"] == "pending"
    assert confirm(shop, "wechat_pay", params).status_code == 200
    target.await_status(order, "fulfilled")
    payer.await_status(earlier, "fulfilled")


def test_a16_a_genuine_notice_of_another_state_is_no_payment(shop: RunningShop, sku: str) -> None:
    person = Person(shop, "wechat")
    earlier = person.place((sku, 1))
    notice_id = person.pay(earlier)["notice_id"]
    order = person.place((sku, 1))
    person.open_trade(order)
    number = person.trade()["out_trade_no"]
    for state in ("NOTPAY", "CLOSED", "USERPAYING", "PAYERROR"):
        forge(
            shop,
            "wechat_pay",
            {"notice_id": notice_id, "plain": {"out_trade_no": number, "trade_state": state}},
        )
        assert person.order(order)["status"] == "pending", state
    assert person.ask("POST", f"/orders/{order['id']}/cancel").status_code == 200
    person.await_status(order, "closed")


def test_a10_a_wrong_amount_at_first_and_the_truth_afterwards(
    shop: RunningShop, sku: str, platform: str
) -> None:
    person = Person(shop, platform)
    order = person.place((sku, 1))
    params = person.open_trade(order)
    target, match = NOTICES[person.channel], match_of(person)
    trouble(shop, target, "wrong_amount", delta_fen=-1, match=match)
    assert confirm(shop, person.channel, params).status_code == 200
    paid = person.await_status(order, "fulfilled")
    assert paid["payments"][0]["amount_fen"] == order["total_fen"]
    (notice,) = notices_of(shop, match["out_trade_no"], target)
    assert notice["attempts"][0]["fault"] == "wrong_amount"
    assert notice["attempts"][0]["status"] == 409
