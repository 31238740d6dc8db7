"""Trades of the simulated Alipay: opened, told, paid, closed, expired, and refused."""

import json
import threading
from datetime import datetime, timedelta

import pytest
from sandbox_alipay import BEIJING, OPEN_ID, stamp

DAY = 24 * 3600


def books(client):
    return client.get("/sandbox/books").json["alipay"]


def shift(client, seconds):
    client.post("/sandbox/clock", json={"offset_seconds": seconds})


def test_a_trade_waits_for_its_payer(alipay):
    content = alipay.trade(subject='团卡 "100" 元', passback_params="a%3Db")
    answer = alipay.create(content)
    assert alipay.is_signed(answer)
    trade_no = answer.node["trade_no"]
    assert (len(trade_no), answer.node["out_trade_no"]) == (28, content["out_trade_no"])
    queried = alipay.query(content["out_trade_no"])
    assert alipay.is_signed(queried)
    assert queried.node["trade_status"] == "WAIT_BUYER_PAY"
    assert queried.node["total_amount"] == "10.00"
    assert (queried.node["trade_no"], queried.node["buyer_open_id"]) == (trade_no, OPEN_ID)
    assert "send_pay_date" not in queried.node
    assert "*" in queried.node["buyer_logon_id"]


def test_a_paid_trade_tells_when_and_how(alipay):
    number, trade_no = alipay.created()
    paid = alipay.pay(trade_no, coupon_fen=100).json
    assert (paid["trade_status"], paid["out_trade_no"]) == ("TRADE_SUCCESS", number)
    assert paid["notice_id"]
    node = alipay.query(number, query_options=["fund_bill_list"]).node
    assert node["trade_status"] == "TRADE_SUCCESS"
    amounts = [node[f"{name}_amount"] for name in ("total", "receipt", "buyer_pay", "point")]
    assert amounts == ["10.00", "10.00", "9.00", "0.00"]
    at = datetime.strptime(node["send_pay_date"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING)
    assert abs(at - datetime.now(BEIJING)) < timedelta(seconds=10)
    assert [fund["amount"] for fund in node["fund_bill_list"]] == ["9.00", "1.00"]


def test_trade_no_wins_over_out_trade_no(alipay):
    number, trade_no = alipay.created()
    other, _ = alipay.created()
    node = alipay.call("alipay.trade.query", {"trade_no": trade_no, "out_trade_no": other}).node
    assert node["out_trade_no"] == number


@pytest.mark.parametrize(
    ("changes", "sub_code"),
    [
        ({"out_trade_no": None}, "ACQ.INVALID_PARAMETER"),
        ({"out_trade_no": "T" * 65}, "ACQ.INVALID_PARAMETER"),
        ({"out_trade_no": "T-1"}, "ACQ.INVALID_PARAMETER"),
        ({"out_trade_no": "订单1"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": None}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "0.00"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "0.001"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "100000000.01"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "-1.00"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "1e2"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "１.00"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": 10.5}, "ACQ.INVALID_PARAMETER"),
        ({"subject": None}, "ACQ.INVALID_PARAMETER"),
        ({"subject": ""}, "ACQ.INVALID_PARAMETER"),
        ({"subject": "卡" * 257}, "ACQ.INVALID_PARAMETER"),
        ({"subject": "a/b"}, "ACQ.INVALID_PARAMETER"),
        ({"subject": "a=b"}, "ACQ.INVALID_PARAMETER"),
        ({"subject": "a&b"}, "ACQ.INVALID_PARAMETER"),
        ({"product_code": None}, "ACQ.INVALID_PARAMETER"),
        ({"product_code": "QUICK_WAP_WAY"}, "ACQ.ACCESS_FORBIDDEN"),
        ({"op_app_id": None}, "ACQ.INVALID_PARAMETER"),
        ({"op_app_id": "2021000000000001"}, "ACQ.UNBOUND_APPLICATION"),
        ({"buyer_open_id": None}, "ACQ.INVALID_PARAMETER"),
        ({"buyer_open_id": "nobody"}, "ACQ.BUYER_NOT_EXIST"),
        ({"buyer_open_id": None, "buyer_id": "2088000000000001"}, "ACQ.INVALID_PARAMETER"),
        ({"seller_id": "2088000000000001"}, "ACQ.SELLER_NOT_EXIST"),
        ({"time_expire": "2026-11-24"}, "ACQ.INVALID_PARAMETER"),
        ({"time_expire": "2026-02-30 10:00:00"}, "ACQ.INVALID_PARAMETER"),
        ({"time_expire": "2020-01-01 10:00:00"}, "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR"),
        ({"timeout_express": "90s"}, "ACQ.INVALID_PARAMETER"),
        ({"timeout_express": "16d"}, "ACQ.INVALID_PARAMETER"),
        ({"goods_detail": {"goods_id": "1"}}, "ACQ.INVALID_PARAMETER"),
        ({"colour": "red"}, "ACQ.INVALID_PARAMETER"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_field_that_does_not_fit_is_refused(alipay, client, changes, sub_code):
    answer = alipay.create(alipay.trade(**changes))
    assert alipay.refused(answer, sub_code)
    assert books(client)["orders"] == []


def test_half_a_character_is_refused(alipay):
    content = json.dumps(alipay.trade(subject="a\ud800"))
    assert alipay.refused(alipay.create(content), "ACQ.INVALID_PARAMETER")


@pytest.mark.parametrize("amount", ["0.01", "1", "10.5", "100000000", "100000000.00"])
def test_amounts_at_the_edges_are_taken(alipay, amount):
    assert alipay.create(alipay.trade(total_amount=amount)).node["code"] == "10000"


def test_a_person_with_a_code_here_is_known(alipay):
    alipay.code("somebody")
    assert alipay.create(alipay.trade(buyer_open_id="somebody")).node["code"] == "10000"


@pytest.mark.parametrize("url", ["ftp://a.example/", "nowhere", "https://a.example/" + "a" * 250])
def test_a_notify_url_that_does_not_fit_is_refused(alipay, url):
    assert alipay.refused(alipay.create(notify_url=url), "isv.invalid-parameter", "40002")


def test_the_same_number_is_the_same_trade(alipay, client):
    content = alipay.trade()
    first = alipay.create(content).node["trade_no"]
    assert alipay.create(content | {"subject": "另一张"}).node["trade_no"] == first
    other = alipay.create(content | {"total_amount": "10.01"})
    assert alipay.refused(other, "ACQ.CONTEXT_INCONSISTENT")
    other = alipay.create(content | {"buyer_open_id": "0" + "C" * 46})
    assert alipay.refused(other, "ACQ.TRADE_BUYER_NOT_MATCH")
    assert len(books(client)["orders"]) == 1


def test_a_paid_or_closed_number_cannot_be_opened_again(alipay):
    content = alipay.trade()
    alipay.pay(alipay.create(content).node["trade_no"])
    assert alipay.refused(alipay.create(content), "ACQ.TRADE_HAS_SUCCESS")
    content = alipay.trade()
    alipay.create(content)
    alipay.close(content["out_trade_no"])
    assert alipay.refused(alipay.create(content), "ACQ.TRADE_HAS_CLOSE")


def test_closing_is_for_trades_that_wait(alipay):
    number, trade_no = alipay.created()
    closed = alipay.call("alipay.trade.close", {"trade_no": trade_no})
    assert alipay.is_signed(closed)
    assert (closed.node["out_trade_no"], closed.node["trade_no"]) == (number, trade_no)
    assert alipay.query(number).node["trade_status"] == "TRADE_CLOSED"
    assert alipay.refused(alipay.close(number), "ACQ.REASON_TRADE_STATUS_INVALID")
    assert alipay.refused(alipay.close(alipay.paid()), "ACQ.REASON_TRADE_STATUS_INVALID")
    assert alipay.refused(alipay.close("T0"), "ACQ.TRADE_NOT_EXIST")
    assert alipay.refused(alipay.call("alipay.trade.close", {}), "ACQ.INVALID_PARAMETER")


@pytest.mark.parametrize(
    ("when", "lasts"),
    [
        ({"time_expire": 600}, 600),
        ({"timeout_express": "10m"}, 600),
        ({"timeout_express": "2h"}, 7200),
        ({"timeout_express": "1d"}, DAY),
        ({"time_expire": 600, "timeout_express": "2h"}, 600),
        ({"time_expire": 30 * DAY}, 15 * DAY),
        ({}, 15 * DAY),
    ],
    ids=str,
)
def test_a_trade_that_nobody_pays_in_time_is_closed(alipay, client, when, lasts):
    if "time_expire" in when:
        when = when | {"time_expire": stamp(when["time_expire"])}
    number, trade_no = alipay.created(**when)
    shift(client, lasts - 5)
    assert alipay.query(number).node["trade_status"] == "WAIT_BUYER_PAY"
    shift(client, lasts + 5)
    assert alipay.query(number).node["trade_status"] == "TRADE_CLOSED"
    assert alipay.pay(trade_no).status_code == 409
    assert alipay.refused(alipay.close(number), "ACQ.REASON_TRADE_STATUS_INVALID")


def test_1c_is_the_end_of_the_day(alipay, client):
    now = datetime.now(BEIJING)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    number, _ = alipay.created(timeout_express="1c")
    shift(client, (midnight - now).total_seconds() + 1)
    assert alipay.query(number).node["trade_status"] == "TRADE_CLOSED"


def test_a_trade_is_closed_by_itself_and_told(alipay, form_receiver):
    number, _ = alipay.created(time_expire=stamp(2))
    [form] = form_receiver.wait_for(1)
    assert (form["trade_status"], form["out_trade_no"]) == ("TRADE_CLOSED", number)
    assert alipay.is_told(form)
    assert "gmt_payment" not in form
    assert alipay.query(number).node["trade_status"] == "TRADE_CLOSED"


def test_a_trade_is_finished_after_its_refundable_time(alipay, client):
    client.post("/sandbox/settings", json={"alipay_refundable_days": 7})
    content = alipay.trade()
    alipay.pay(alipay.create(content).node["trade_no"])
    number = content["out_trade_no"]
    shift(client, 7 * DAY - 5)
    assert alipay.query(number).node["trade_status"] == "TRADE_SUCCESS"
    shift(client, 7 * DAY + 5)
    assert alipay.query(number).node["trade_status"] == "TRADE_FINISHED"
    refused = alipay.refund(alipay.refund_content(number))
    assert alipay.refused(refused, "ACQ.TRADE_HAS_FINISHED")
    assert alipay.refused(alipay.create(content), "ACQ.TRADE_HAS_SUCCESS")


@pytest.mark.parametrize(("body", "status"), [({}, 400), ({"trade_no": "x"}, 409)], ids=str)
def test_a_payment_that_cannot_be_is_refused(client, alipay, body, status):
    assert client.post("/sandbox/alipay/pay", json=body).status_code == status
    _, trade_no = alipay.created()
    assert alipay.pay(trade_no, coupon_fen=0.5).status_code == 400
    assert alipay.pay(trade_no, coupon_fen=1000).status_code == 409
    assert alipay.pay(trade_no).status_code == 200
    assert alipay.pay(trade_no).status_code == 409


def test_paying_and_closing_at_once_has_one_winner(alipay, client):
    for _ in range(8):
        number, trade_no = alipay.created()
        outcome = {}

        def pay(trade_no=trade_no, outcome=outcome):
            outcome["paid"] = alipay.pay(trade_no).status_code == 200

        def close(number=number, outcome=outcome):
            outcome["closed"] = alipay.close(number).node["code"] == "10000"

        threads = [threading.Thread(target=call) for call in (pay, close)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert outcome["paid"] != outcome["closed"]
        state = alipay.query(number).node["trade_status"]
        assert state == ("TRADE_SUCCESS" if outcome["paid"] else "TRADE_CLOSED")
