"""Refunds of the simulated WeChat Pay: sums, numbers, intervals, outcomes."""

import pytest

EXTRA = 270924358


def test_a_refund_is_accepted_finished_and_told(merchant, receiver, eventually):
    number = merchant.paid()
    body = merchant.refund_body(number, 300, reason="未成团")
    accepted = merchant.refund(body)
    assert merchant.is_signed(accepted.headers, accepted.data)
    assert accepted.json["status"] == "PROCESSING"
    assert accepted.json["amount"]["refund"] == 300
    assert merchant.query(number).json["trade_state"] == "REFUND"
    done = eventually(
        lambda: (
            (answer := merchant.refund_query(body["out_refund_no"]).json)["status"] == "SUCCESS"
            and answer
        )
    )
    assert done["refund_id"] == accepted.json["refund_id"]
    assert done["success_time"]
    headers, raw = receiver.wait_for(2)[-1]
    assert merchant.is_signed(headers, raw)
    plain = merchant.opened(raw)
    assert plain["refund_status"] == "SUCCESS"
    assert plain["amount"] == {
        "total": 1000,
        "refund": 300,
        "payer_total": 1000,
        "payer_refund": 300,
    }


def test_the_same_number_and_amount_is_the_same_refund(merchant):
    body = merchant.refund_body(merchant.paid(), 300)
    first, second = merchant.refund(body), merchant.refund(body)
    assert second.json["refund_id"] == first.json["refund_id"]
    assert len(merchant.client.get("/sandbox/books").json["wechat_pay"]["refunds"]) == 1


def test_the_same_number_with_another_amount_is_refused(merchant):
    body = merchant.refund_body(merchant.paid(), 300)
    merchant.refund(body)
    other = body | {"amount": body["amount"] | {"refund": 301}}
    assert merchant.refused(merchant.refund(other), 400, "INVALID_REQUEST")


def test_the_same_number_for_another_order_is_refused(merchant):
    body = merchant.refund_body(merchant.paid(), 300)
    merchant.refund(body)
    other = body | {"out_trade_no": merchant.paid()}
    assert merchant.refused(merchant.refund(other), 400, "INVALID_REQUEST")


def test_refunds_never_exceed_the_payment(merchant):
    number = merchant.paid()
    assert merchant.refund(merchant.refund_body(number, 600)).status_code == 200
    over = merchant.refund(merchant.refund_body(number, 401))
    assert merchant.refused(over, 400, "INVALID_REQUEST")
    assert merchant.refund(merchant.refund_body(number, 400)).status_code == 200


def test_a_fifty_first_part_is_refused(merchant):
    number = merchant.paid()
    for _ in range(50):
        assert merchant.refund(merchant.refund_body(number, 1)).status_code == 200
    assert merchant.refused(
        merchant.refund(merchant.refund_body(number, 1)), 400, "INVALID_REQUEST"
    )


def test_refunds_of_one_order_keep_their_distance(merchant, client):
    client.post("/sandbox/settings", json={"refund_min_interval_seconds": 60})
    number = merchant.paid()
    assert merchant.refund(merchant.refund_body(number)).status_code == 200
    soon = merchant.refund(merchant.refund_body(number))
    assert merchant.refused(soon, 429, "FREQUENCY_LIMITED")
    client.post("/sandbox/clock", json={"offset_seconds": 61})
    assert merchant.refund(merchant.refund_body(number)).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"out_refund_no": ""},
        {"out_refund_no": "R" * 65},
        {"out_refund_no": "R 1"},
        {"reason": "x" * 81},
        {"notify_url": "ftp://example.com/"},
        {"funds_account": "MINE"},
        {"amount": {"refund": 0, "total": 1000, "currency": "CNY"}},
        {"amount": {"refund": 1.5, "total": 1000, "currency": "CNY"}},
        {"amount": {"refund": 1001, "total": 1000, "currency": "CNY"}},
        {"amount": {"refund": 1, "total": 1000}},
    ],
    ids=str,
)
def test_a_field_out_of_its_form_is_refused(merchant, changes):
    body = merchant.refund_body(merchant.paid(), **changes)
    assert merchant.refused(merchant.refund(body), 400, "PARAM_ERROR")


def test_a_refund_names_its_order(merchant):
    assert merchant.refused(merchant.refund(merchant.refund_body(None)), 400, "PARAM_ERROR")


def test_an_unknown_field_is_refused(merchant):
    body = merchant.refund_body(merchant.paid(), sub_mchid="1")
    assert merchant.refused(merchant.refund(body), 400, "PARAM_ERROR", EXTRA)


def test_the_stated_total_must_be_the_orders(merchant):
    amount = {"refund": 1, "total": 999, "currency": "CNY"}
    body = merchant.refund_body(merchant.paid(), amount=amount)
    assert merchant.refused(merchant.refund(body), 400, "INVALID_REQUEST")


def test_an_unpaid_or_unknown_order_cannot_be_refunded(merchant):
    order = merchant.order()
    merchant.place(order)
    unpaid = merchant.refund(merchant.refund_body(order["out_trade_no"]))
    assert merchant.refused(unpaid, 400, "INVALID_REQUEST")
    unknown = merchant.refund(merchant.refund_body("T999999"))
    assert merchant.refused(unknown, 404, "RESOURCE_NOT_EXISTS")
    assert merchant.refused(merchant.refund_query("R404"), 404, "RESOURCE_NOT_EXISTS")


def test_both_numbers_must_mean_one_order(merchant):
    first, second = merchant.paid(), merchant.paid()
    transaction_id = merchant.query(first).json["transaction_id"]
    body = merchant.refund_body(second, transaction_id=transaction_id)
    assert merchant.refused(merchant.refund(body), 400, "INVALID_REQUEST")
    by_id = merchant.refund_body(None, transaction_id=transaction_id)
    assert merchant.refund(by_id).json["out_trade_no"] == first


def test_a_year_after_the_payment_is_too_late(merchant, client):
    number = merchant.paid()
    client.post("/sandbox/clock", json={"offset_seconds": 365 * 86400 + 60})
    late = merchant.refund(merchant.refund_body(number))
    assert merchant.refused(late, 400, "INVALID_REQUEST")


def test_an_empty_account_refuses(merchant, client):
    client.post("/sandbox/settings", json={"wechat_pay_balance_fen": 150})
    number = merchant.paid()
    assert merchant.refund(merchant.refund_body(number, 100)).status_code == 200
    short = merchant.refund_body(number, 100)
    assert merchant.refused(merchant.refund(short), 403, "NOT_ENOUGH")
    client.post("/sandbox/settings", json={"wechat_pay_balance_fen": None})
    assert merchant.refund(short).status_code == 200


@pytest.mark.parametrize("outcome", ["ABNORMAL", "CLOSED"])
def test_f99_a_refund_can_end_badly(merchant, client, receiver, outcome):
    client.post("/sandbox/settings", json={"wechat_pay_refund_outcome": outcome})
    number = merchant.paid()
    body = merchant.refund_body(number, 1000)
    merchant.refund(body)
    _, raw = receiver.wait_for(2)[-1]
    assert merchant.opened(raw)["refund_status"] == outcome
    assert merchant.refund_query(body["out_refund_no"]).json["status"] == outcome
    books = client.get("/sandbox/books").json["wechat_pay"]
    assert books["orders"][0]["refunded_fen"] == 0
    client.post("/sandbox/settings", json={"wechat_pay_refund_outcome": "SUCCESS"})
    again = merchant.refund(merchant.refund_body(number, 1000))
    assert again.status_code == (200 if outcome == "CLOSED" else 400)


def test_d64_a_hundred_and_fifty_refunds_a_second_are_the_most(merchant, client, peer):
    client.post("/sandbox/settings", json={"rate_limits": True})
    number = merchant.paid()
    while peer.limits.allow("wechat_pay.refund", 150, 1.0):
        pass
    over = merchant.refund(merchant.refund_body(number))
    assert merchant.refused(over, 429, "FREQUENCY_LIMITED", 268447840)


def test_d64_six_bad_refunds_in_a_second_stop_the_good_ones(merchant, client, eventually):
    client.post("/sandbox/settings", json={"rate_limits": True})
    good = merchant.refund_body(merchant.paid())
    codes = [merchant.refund(merchant.refund_body("T999999")).status_code for _ in range(7)]
    assert codes == [404] * 6 + [429]
    assert merchant.refused(merchant.refund(good), 429, "FREQUENCY_LIMITED")
    assert eventually(lambda: merchant.refund(good).status_code == 200)


def test_the_payers_share_of_a_refund_follows_the_coupon(merchant):
    body = merchant.order()
    merchant.pay(merchant.place(body).json["prepay_id"], coupon_fen=250)
    amount = merchant.refund(merchant.refund_body(body["out_trade_no"], 500)).json["amount"]
    assert (amount["payer_refund"], amount["discount_refund"]) == (375, 125)


def test_f99_the_merchants_staff_can_send_an_abnormal_refund_another_way(
    merchant, client, receiver, eventually
):
    client.post("/sandbox/settings", json={"wechat_pay_refund_outcome": "ABNORMAL"})
    number = merchant.paid()
    body = merchant.refund_body(number, 1000)
    merchant.refund(body)
    receiver.wait_for(2)
    client.post("/sandbox/settings", json={"wechat_pay_refund_outcome": "SUCCESS"})
    named = {"out_refund_no": body["out_refund_no"]}
    assert client.post("/sandbox/wechat-pay/resolve-refund", json=named).json == {"resolved": True}
    assert eventually(
        lambda: merchant.refund_query(body["out_refund_no"]).json["status"] == "SUCCESS"
    )
    again = client.post("/sandbox/wechat-pay/resolve-refund", json=named)
    assert again.json == {"resolved": False}
