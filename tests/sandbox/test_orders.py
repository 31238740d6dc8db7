"""Orders of the simulated WeChat Pay: field rules, idempotency, states, races."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.clock import beijing_text

EXTRA = 270924358
PARAMETER = 268435461


def test_an_order_is_placed_queried_paid_and_queried_again(merchant):
    body = merchant.order(attach="附加")
    placed = merchant.place(body)
    assert merchant.is_signed(placed.headers, placed.data)
    assert placed.headers["Request-ID"]
    waiting = merchant.query(body["out_trade_no"]).json
    assert (waiting["trade_state"], waiting["amount"]["total"]) == ("NOTPAY", 1000)
    assert "transaction_id" not in waiting
    paid = merchant.pay(placed.json["prepay_id"]).json
    answer = merchant.query(body["out_trade_no"])
    assert merchant.is_signed(answer.headers, answer.data)
    assert answer.json["trade_state"] == "SUCCESS"
    assert answer.json["transaction_id"] == paid["transaction_id"]
    assert answer.json["payer"] == body["payer"]
    assert answer.json["attach"] == "附加"
    assert answer.json["success_time"].endswith("+08:00")
    by_id = merchant.call(
        "GET",
        f"/v3/pay/transactions/id/{paid['transaction_id']}?mchid={merchant.names['mch_id']}",
    )
    assert by_id.json == answer.json


def test_a_coupon_lowers_what_the_payer_pays(merchant):
    body = merchant.order()
    prepay_id = merchant.place(body).json["prepay_id"]
    assert merchant.pay(prepay_id, coupon_fen=1000).status_code == 409
    assert merchant.pay(prepay_id, coupon_fen=300).status_code == 200
    answer = merchant.query(body["out_trade_no"]).json
    assert answer["amount"]["total"] == 1000
    assert answer["amount"]["payer_total"] == 700
    assert answer["promotion_detail"][0]["amount"] == 300


@pytest.mark.parametrize(
    "changes",
    [
        {"description": ""},
        {"description": "卡" * 128},
        {"out_trade_no": "T1234"},
        {"out_trade_no": "T" * 33},
        {"out_trade_no": "T12345号"},
        {"out_trade_no": "T12 456"},
        {"attach": "x" * 129},
        {"notify_url": "http://example.com/notify"},
        {"notify_url": "https://example.com/notify?a=b"},
        {"notify_url": "https://example.com/" + "x" * 240},
        {"notify_url": "https:///notify"},
        {"goods_tag": "x" * 33},
        {"support_fapiao": "true"},
        {"amount": {"total": 0}},
        {"amount": {"total": -1}},
        {"amount": {"total": 1.0}},
        {"amount": {"total": 0.3}},
        {"amount": {"total": "100"}},
        {"amount": {"total": True}},
        {"amount": {"total": 100, "currency": "USD"}},
        {"amount": {"currency": "CNY"}},
        {"amount": 100},
        {"payer": {"openid": ""}},
        {"payer": "someone"},
        {"description": 5},
        {"description": "\ud800"},
        {"time_expire": "tomorrow"},
        {"time_expire": "2030-02-30T00:00:00+08:00"},
        {"time_expire": "2030-01-01T00:00:00"},
        {"scene_info": {"device_id": "1"}},
        {"settle_info": {"profit_sharing": 1}},
        {"mchid": "1900000001"},
    ],
    ids=str,
)
def test_a_field_out_of_its_form_is_refused(merchant, changes):
    assert merchant.refused(merchant.place(merchant.order(**changes)), 400, "PARAM_ERROR")


@pytest.mark.parametrize(
    "name",
    ["appid", "mchid", "description", "out_trade_no", "notify_url", "amount", "payer"],
)
def test_a_missing_field_is_refused(merchant, name):
    body = merchant.order()
    del body[name]
    assert merchant.refused(merchant.place(body), 400, "PARAM_ERROR", PARAMETER)


@pytest.mark.parametrize(
    "changes",
    [{"sub_mchid": "1"}, {"amount": {"total": 1, "payer_total": 1}}, {"payer": {"name": "x"}}],
    ids=str,
)
def test_an_unknown_field_is_refused(merchant, changes):
    assert merchant.refused(merchant.place(merchant.order(**changes)), 400, "PARAM_ERROR", EXTRA)


@pytest.mark.parametrize("raw", [b"{", b"[]", b'{"amount": NaN}', b"\xff", b"[" * 100000])
def test_a_body_that_is_no_object_is_refused(merchant, raw):
    answer = merchant.call("POST", "/v3/pay/transactions/jsapi", raw)
    assert merchant.refused(answer, 400, "PARAM_ERROR", PARAMETER)


def test_a_missing_openid_has_its_own_number(merchant):
    answer = merchant.place(merchant.order(payer={}))
    assert merchant.refused(answer, 400, "PARAM_ERROR", 268501013)


def test_another_app_is_refused(merchant):
    answer = merchant.place(merchant.order(appid="wx0000000000000000"))
    assert merchant.refused(answer, 400, "APPID_MCHID_NOT_MATCH", 268445527)


def test_an_openid_must_look_real_or_have_signed_in(merchant, client):
    body = merchant.order(payer={"openid": "someone"})
    assert merchant.refused(merchant.place(body), 400, "INVALID_REQUEST")
    client.post("/sandbox/wechat/codes", json={"openid": "someone"})
    assert merchant.place(body).status_code == 200


def test_the_same_order_again_gives_a_fresh_prepay_id(merchant):
    body = merchant.order()
    first, second = merchant.place(body), merchant.place(body)
    assert second.status_code == 200
    assert first.json["prepay_id"] != second.json["prepay_id"]
    assert merchant.pay(first.json["prepay_id"]).status_code == 200
    assert merchant.pay(second.json["prepay_id"]).status_code == 409


@pytest.mark.parametrize("changes", [{"amount": {"total": 999}}, {"description": "其他"}], ids=str)
def test_the_same_number_with_other_parameters_is_refused(merchant, changes):
    body = merchant.order()
    merchant.place(body)
    answer = merchant.place(body | changes)
    assert merchant.refused(answer, 400, "INVALID_REQUEST", 268498688)
    assert merchant.query(body["out_trade_no"]).json["amount"]["total"] == 1000


def test_a_paid_order_cannot_be_placed_or_closed(merchant):
    body = merchant.order()
    merchant.paid(body)
    assert merchant.refused(merchant.place(body), 400, "ORDERPAID", 268449538)
    assert merchant.refused(merchant.close(body["out_trade_no"]), 400, "ORDERPAID", 268449538)


def test_a_closed_order_stays_closed(merchant):
    body = merchant.order()
    prepay_id = merchant.place(body).json["prepay_id"]
    for _ in range(2):
        closed = merchant.close(body["out_trade_no"])
        assert (closed.status_code, closed.data) == (204, b"")
        assert merchant.is_signed(closed.headers, b"")
    assert merchant.query(body["out_trade_no"]).json["trade_state"] == "CLOSED"
    assert merchant.refused(merchant.place(body), 400, "ORDER_CLOSED")
    refused = merchant.pay(prepay_id)
    assert (refused.status_code, refused.json["error"]) == (409, "the order is closed")


def test_closing_needs_a_known_number_and_the_merchant(merchant):
    assert merchant.refused(merchant.close("T999999"), 404, "ORDER_NOT_EXIST")
    body = merchant.order()
    merchant.place(body)
    target = f"/v3/pay/transactions/out-trade-no/{body['out_trade_no']}/close"
    assert merchant.refused(merchant.call("POST", target, {}), 400, "PARAM_ERROR")
    extra = {"mchid": merchant.names["mch_id"], "reason": "x"}
    assert merchant.refused(merchant.call("POST", target, extra), 400, "PARAM_ERROR", EXTRA)


def test_a_query_needs_its_own_merchant_and_nothing_else(merchant):
    body = merchant.order()
    merchant.place(body)
    target = f"/v3/pay/transactions/out-trade-no/{body['out_trade_no']}"
    assert merchant.refused(merchant.call("GET", target), 400, "PARAM_ERROR")
    assert merchant.refused(merchant.call("GET", target + "?mchid=1"), 400, "PARAM_ERROR")
    more = f"?mchid={merchant.names['mch_id']}&a=b"
    assert merchant.refused(merchant.call("GET", target + more), 400, "PARAM_ERROR", EXTRA)


def test_time_expire_lies_a_minute_ahead_and_ends_the_order(merchant, client):
    soon = beijing_text(datetime.now(UTC) + timedelta(seconds=30))
    refused = merchant.place(merchant.order(time_expire=soon))
    assert merchant.refused(refused, 400, "PARAM_ERROR", 268447914)
    later = beijing_text(datetime.now(UTC) + timedelta(minutes=5))
    body = merchant.order(time_expire=later)
    prepay_id = merchant.place(body).json["prepay_id"]
    client.post("/sandbox/clock", json={"offset_seconds": 301})
    assert merchant.pay(prepay_id).json["error"] == "time_expire has passed"
    assert merchant.refused(merchant.place(body), 400, "INVALID_REQUEST", 268447914)


def test_a_prepay_id_lives_two_hours_and_can_be_renewed(merchant, client):
    body = merchant.order()
    prepay_id = merchant.place(body).json["prepay_id"]
    client.post("/sandbox/clock", json={"offset_seconds": 7201})
    assert merchant.pay(prepay_id).json["error"] == "prepay_id expired"
    assert merchant.pay(merchant.place(body).json["prepay_id"]).status_code == 200


def test_an_unpaid_order_is_closed_after_seven_days(merchant, client):
    body = merchant.order()
    prepay_id = merchant.place(body).json["prepay_id"]
    client.post("/sandbox/clock", json={"offset_seconds": 7 * 86400 + 1})
    assert merchant.query(body["out_trade_no"]).json["trade_state"] == "CLOSED"
    assert merchant.refused(merchant.close(body["out_trade_no"]), 400, "ORDER_CLOSED")
    assert merchant.pay(prepay_id).status_code == 409


def test_an_unknown_prepay_id_cannot_be_paid(merchant):
    assert merchant.pay("wx0").json["error"] == "prepay_id is unknown"


def test_five_hundred_orders_a_second_are_the_most(merchant, client, peer):
    client.post("/sandbox/settings", json={"rate_limits": True})
    while peer.limits.allow("wechat_pay.order", 500, 1.0):
        pass
    assert merchant.refused(merchant.place(), 429, "FREQUENCY_LIMITED", 268447840)


@pytest.mark.race
def test_b34_pay_and_close_at_once_have_one_winner(merchant, application):
    for _ in range(20):
        body = merchant.order()
        prepay_id = merchant.place(body).json["prepay_id"]
        barrier, answers = threading.Barrier(2), {}

        def act(name, call, barrier=barrier, answers=answers):
            barrier.wait()
            answers[name] = call().status_code

        pay = threading.Thread(
            target=act,
            args=(
                "pay",
                lambda prepay_id=prepay_id: application.test_client().post(
                    "/sandbox/wechat-pay/pay", json={"prepay_id": prepay_id}
                ),
            ),
        )
        close = threading.Thread(
            target=act, args=("close", lambda body=body: merchant.close(body["out_trade_no"]))
        )
        for thread in (pay, close):
            thread.start()
        for thread in (pay, close):
            thread.join()
        state = merchant.query(body["out_trade_no"]).json["trade_state"]
        assert answers in ({"pay": 200, "close": 400}, {"pay": 409, "close": 204})
        assert state == ("SUCCESS" if answers["pay"] == 200 else "CLOSED")
