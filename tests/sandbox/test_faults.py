"""Every kind of fault at the calls and notices of WeChat and WeChat Pay."""

import json
import threading
import time

import pytest

from sandbox.faults import KINDS, TARGETS

TRANSACTIONS = "/v3/pay/transactions"


def books(client):
    return client.get("/sandbox/books").json["wechat_pay"]


def test_drop_answers_504_without_acting_and_is_used_up(merchant, client, set_fault):
    set_fault("wechat_pay.order", "drop")
    body = merchant.order()
    dropped = merchant.place(body)
    assert dropped.status_code == 504
    assert "Wechatpay-Signature" not in dropped.headers
    assert books(client)["orders"] == []
    assert merchant.place(body).status_code == 200


def test_delay_acts_and_answers_late(merchant, set_fault):
    set_fault("wechat_pay.query", "delay", delay_seconds=0.2)
    number = merchant.paid()
    started = time.monotonic()
    assert merchant.query(number).status_code == 200
    assert time.monotonic() - started >= 0.2


def test_b34_timeout_after_acting_leaves_the_order_behind(merchant, set_fault):
    set_fault("wechat_pay.order", "timeout_after_acting", delay_seconds=0.01)
    body = merchant.order()
    assert merchant.place(body).status_code == 504
    assert merchant.query(body["out_trade_no"]).json["trade_state"] == "NOTPAY"


def test_timeout_after_acting_closes_and_refunds_all_the_same(merchant, client, set_fault):
    for target in ("wechat_pay.close", "wechat_pay.refund"):
        set_fault(target, "timeout_after_acting", delay_seconds=0.01)
    body = merchant.order()
    merchant.place(body)
    assert merchant.close(body["out_trade_no"]).status_code == 504
    assert merchant.query(body["out_trade_no"]).json["trade_state"] == "CLOSED"
    refund = merchant.refund_body(merchant.paid())
    assert merchant.refund(refund).status_code == 504
    assert merchant.refund(refund).status_code == 200
    assert len(books(client)["refunds"]) == 1


def test_error_answers_in_the_platforms_form_without_acting(merchant, client, set_fault):
    set_fault("wechat_pay.order", "error")
    assert merchant.refused(merchant.place(), 500, "SYSTEM_ERROR")
    set_fault("wechat_pay.order", "error", code="FREQUENCY_LIMITED")
    assert merchant.refused(merchant.place(), 429, "FREQUENCY_LIMITED")
    set_fault("wechat_pay.order", "error", code="BANK_ERROR", status=502)
    assert merchant.refused(merchant.place(), 502, "BANK_ERROR")
    assert books(client)["orders"] == []


def test_wrong_amount_lies_with_a_true_signature(merchant, set_fault):
    number = merchant.paid()
    set_fault("wechat_pay.query", "wrong_amount", delta_fen=-1)
    lie = merchant.query(number)
    assert merchant.is_signed(lie.headers, lie.data)
    assert (lie.json["amount"]["total"], lie.json["amount"]["payer_total"]) == (999, 999)
    assert merchant.query(number).json["amount"]["total"] == 1000
    body = merchant.refund_body(number, 100)
    set_fault("wechat_pay.refund", "wrong_amount")
    lie = merchant.refund(body)
    assert (lie.json["amount"]["refund"], lie.json["amount"]["total"]) == (101, 1000)
    set_fault("wechat_pay.refund_query", "wrong_amount")
    assert merchant.refund_query(body["out_refund_no"]).json["amount"]["refund"] == 101


@pytest.mark.parametrize("target", ["order", "query", "refund", "refund_query", "close"])
def test_bad_signature_spoils_the_answer(merchant, set_fault, target):
    order = merchant.order()
    merchant.place(order)
    refund = merchant.refund_body(merchant.paid())
    merchant.refund(refund)
    calls = {
        "order": merchant.place,
        "query": lambda: merchant.query(order["out_trade_no"]),
        "refund": lambda: merchant.refund(refund),
        "refund_query": lambda: merchant.refund_query(refund["out_refund_no"]),
        "close": lambda: merchant.close(order["out_trade_no"]),
    }
    set_fault(f"wechat_pay.{target}", "bad_signature")
    spoiled = calls[target]()
    assert spoiled.status_code in {200, 204}
    assert not merchant.is_signed(spoiled.headers, spoiled.data)
    good = calls[target]()
    assert merchant.is_signed(good.headers, good.data)


def test_duplicate_lets_a_call_arrive_twice(merchant, client, set_fault):
    number = merchant.paid()
    set_fault("wechat_pay.refund", "duplicate", count=3)
    body = merchant.refund_body(number, 400)
    assert merchant.refund(body).status_code == 200
    assert len(books(client)["refunds"]) == 1


def test_reorder_holds_a_call_until_the_next_was_answered(merchant, application, set_fault):
    set_fault("wechat_pay.order", "reorder", delay_seconds=5, match={"description": "first"})
    order = []

    def place(description):
        assert merchant.place(merchant.order(description=description)).status_code == 200
        order.append(description)

    held = threading.Thread(target=place, args=("first",))
    held.start()
    time.sleep(0.1)
    place("second")
    held.join()
    assert order == ["second", "first"]


def test_match_meets_only_the_call_that_is_meant(merchant, set_fault):
    meant, other = merchant.paid(), merchant.paid()
    set_fault("wechat_pay.query", "drop", match={"out_trade_no": meant})
    assert merchant.query(other).status_code == 200
    assert merchant.query(meant).status_code == 504
    set_fault("wechat_pay.query", "drop", match=other)
    assert merchant.query(meant).status_code == 200
    assert merchant.query(other).status_code == 504


def test_times_null_lasts_until_deleted(merchant, client, set_fault):
    set_fault("wechat_pay.query", "drop", times=None)
    number = merchant.paid()
    assert [merchant.query(number).status_code for _ in range(3)] == [504] * 3
    assert client.delete("/sandbox/faults").status_code == 204
    assert merchant.query(number).status_code == 200


def test_probability_is_repeatable_by_its_seed(merchant, client, set_fault):
    number = merchant.paid()

    def draw():
        client.delete("/sandbox/faults")
        set_fault("wechat_pay.query", "drop", times=None, probability=0.5, seed=7)
        return [merchant.query(number).status_code for _ in range(20)]

    first = draw()
    assert set(first) == {200, 504}
    assert draw() == first


@pytest.mark.parametrize(
    "order",
    [
        {"target": "wechat_pay.nothing", "kind": "drop"},
        {"target": "wechat_pay.order", "kind": "explode"},
        {"target": "wechat_pay.order", "kind": "drop", "times": 0},
        {"target": "wechat_pay.order", "kind": "drop", "times": True},
        {"target": "wechat_pay.order", "kind": "drop", "probability": "often"},
        {"target": "wechat_pay.order", "kind": "drop", "match": 5},
        {"target": "wechat_pay.order", "kind": "drop", "colour": "red"},
        {"target": "wechat_pay.order", "kind": "drop", "status": "500"},
        {"kind": "drop"},
    ],
    ids=str,
)
def test_a_fault_that_does_not_fit_is_refused(client, order):
    assert client.post("/sandbox/faults", json=order).status_code == 400


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("target", sorted(TARGETS))
def test_every_kind_can_be_set_for_every_target(set_fault, client, target, kind):
    fault_id = set_fault(target, kind)
    assert client.get("/sandbox/faults").json["items"][0]["fault_id"] == fault_id


def test_a_dropped_notice_loses_one_attempt(merchant, client, receiver, set_fault, eventually):
    set_fault("wechat_pay.notice", "drop")
    number = merchant.paid()
    receiver.wait_for(1)
    wanted = {"out_trade_no": number, "state": "delivered"}
    [notice] = eventually(lambda: client.get("/sandbox/notices", query_string=wanted).json["items"])
    assert [attempt["outcome"] for attempt in notice["attempts"]] == ["not sent", "answered"]


def test_a23_every_notice_dropped_never_arrives(merchant, client, receiver, set_fault):
    set_fault("wechat_pay.notice", "drop", times=None)
    client.post("/sandbox/settings", json={"notice_scale": 0})
    number = merchant.paid()
    time.sleep(0.3)
    assert receiver.got == []
    assert merchant.query(number).json["trade_state"] == "SUCCESS"


def test_a_delayed_notice_comes_late(merchant, receiver, set_fault):
    set_fault("wechat_pay.notice", "delay", delay_seconds=0.3)
    started = time.monotonic()
    merchant.paid()
    receiver.wait_for(1)
    assert time.monotonic() - started >= 0.3


def test_a_duplicated_notice_comes_as_often_as_asked(merchant, receiver, set_fault):
    set_fault("wechat_pay.notice", "duplicate", count=3)
    merchant.paid()
    assert len({raw for _, raw in receiver.wait_for(3)}) == 1


def test_a24_a_held_pay_notice_arrives_after_the_next(merchant, receiver, set_fault):
    set_fault("wechat_pay.notice", "reorder")
    first = merchant.paid()
    time.sleep(0.1)
    assert receiver.got == []
    second = merchant.paid()
    told = [merchant.opened(raw)["out_trade_no"] for _, raw in receiver.wait_for(2)]
    assert told == [second, first]


def test_a10_a_notice_with_another_amount_is_truly_signed(merchant, receiver, set_fault):
    set_fault("wechat_pay.notice", "wrong_amount", delta_fen=-999)
    merchant.paid()
    headers, raw = receiver.wait_for(1)[0]
    assert merchant.is_signed(headers, raw)
    assert merchant.opened(raw)["amount"]["total"] == 1
    set_fault("wechat_pay.refund_notice", "wrong_amount")
    merchant.refund(merchant.refund_body(merchant.paid(), 100))
    plain = merchant.opened(receiver.wait_for(3)[-1][1])
    assert (plain["amount"]["refund"], plain["amount"]["total"]) == (101, 1000)


def test_a01_a_notice_with_a_bad_signature_is_followed_by_a_good_one(merchant, receiver, set_fault):
    set_fault("wechat_pay.notice", "bad_signature")
    receiver.answers = [401]
    merchant.paid()
    (bad_headers, bad), (headers, raw) = receiver.wait_for(2)
    assert not merchant.is_signed(bad_headers, bad)
    assert merchant.is_signed(headers, raw)
    assert json.loads(bad)["id"] == json.loads(raw)["id"]


def test_a25_an_accepted_notice_whose_answer_was_lost_comes_again(merchant, receiver, set_fault):
    set_fault("wechat_pay.notice", "timeout_after_acting")
    merchant.paid()
    assert len({raw for _, raw in receiver.wait_for(2)}) == 1


def test_faults_are_noted_in_the_log(merchant, client, set_fault):
    set_fault("wechat_pay.order", "drop")
    merchant.place()
    [entry] = client.get("/sandbox/log").json["items"]
    assert (entry["target"], entry["status"], entry["note"]) == (
        "wechat_pay.order",
        504,
        "fault drop",
    )
