"""Notices of the simulated Alipay: signed forms, repeated until `success`, replayed and forged."""

import json

import pytest
from sandbox_alipay import OPEN_ID, form_of

FORM = "application/x-www-form-urlencoded"


def notices(client, **wanted):
    return client.get("/sandbox/notices", query_string=wanted).json["items"]


def test_a_payment_is_told_as_a_signed_form(alipay, client, form_receiver, eventually):
    content = alipay.trade(subject='团卡 100 元 + "礼"', body="", passback_params="a%3Db")
    trade_no = alipay.create(content).node["trade_no"]
    alipay.pay(trade_no, coupon_fen=100)
    [form] = form_receiver.wait_for(1)
    assert form_receiver.got[0][0]["Content-Type"].startswith(FORM)
    assert alipay.is_told(form)
    wanted = {
        "notify_type": "trade_status_sync",
        "app_id": alipay.names["app_id"],
        "auth_app_id": alipay.names["app_id"],
        "seller_id": alipay.names["seller_id"],
        "charset": "utf-8",
        "version": "1.0",
        "trade_no": trade_no,
        "out_trade_no": content["out_trade_no"],
        "buyer_open_id": OPEN_ID,
        "trade_status": "TRADE_SUCCESS",
        "total_amount": "10.00",
        "receipt_amount": "10.00",
        "buyer_pay_amount": "9.00",
        "point_amount": "0.00",
        "subject": content["subject"],
        "body": "",
        "passback_params": "a%3Db",
    }
    assert wanted.items() <= form.items()
    assert {"notify_id", "notify_time", "gmt_create", "gmt_payment"} <= set(form)
    assert {"refund_fee", "gmt_refund", "out_biz_no", "gmt_close", "buyer_id"}.isdisjoint(form)
    funds = json.loads(form["fund_bill_list"])
    assert [fund["fundChannel"] for fund in funds] == ["ALIPAYACCOUNT", "COUPON"]
    wanted = {"notify_id": form["notify_id"], "state": "delivered"}
    [notice] = eventually(lambda: notices(client, **wanted))
    assert [attempt["answer"] for attempt in notice["attempts"]] == ["success"]


def test_a_part_given_back_is_told_beside_the_payment(alipay, form_receiver):
    number = alipay.paid()
    form_receiver.wait_for(1)
    content = alipay.refund_content(number, "2.50")
    alipay.refund(content)
    paid, back = form_receiver.wait_for(2)
    assert alipay.is_told(back)
    assert (back["trade_status"], back["total_amount"]) == ("TRADE_SUCCESS", "10.00")
    assert (back["refund_fee"], back["out_biz_no"]) == ("2.50", content["out_request_no"])
    assert back["gmt_payment"] == paid["gmt_payment"]
    assert len(back["gmt_refund"].partition(".")[2]) == 3
    assert back["notify_id"] != paid["notify_id"]


def test_the_whole_given_back_closes_with_its_payment(alipay, form_receiver):
    number = alipay.paid()
    alipay.refund(alipay.refund_content(number, "4.00"))
    alipay.refund(alipay.refund_content(number, "6.00"))
    fees = {form.get("refund_fee"): form for form in form_receiver.wait_for(3)}
    assert fees["10.00"]["trade_status"] == "TRADE_CLOSED"
    assert {"gmt_payment", "gmt_refund", "gmt_close"} <= set(fees["10.00"])
    assert fees["4.00"]["trade_status"] == "TRADE_SUCCESS"
    assert alipay.is_told(fees["10.00"])


def test_a_closed_trade_is_told_without_a_payment(alipay, form_receiver):
    number, _ = alipay.created()
    alipay.close(number)
    [form] = form_receiver.wait_for(1)
    assert (form["trade_status"], form["out_trade_no"]) == ("TRADE_CLOSED", number)
    assert "gmt_close" in form
    assert "gmt_payment" not in form


def test_a_refund_may_name_another_address(alipay, form_receiver):
    number = alipay.paid()
    alipay.refund(alipay.refund_content(number), notify_url=form_receiver.url + "/refunds")
    form_receiver.wait_for(2)
    urls = [notice["url"] for notice in notices(alipay.client, out_trade_no=number)]
    assert urls == [form_receiver.url, form_receiver.url + "/refunds"]


def test_without_an_address_nobody_is_told(alipay, client):
    content = alipay.trade()
    trade_no = alipay.create(content, notify_url=None).node["trade_no"]
    assert alipay.pay(trade_no).json["notice_id"] is None
    assert notices(client) == []


@pytest.mark.parametrize(
    "answer",
    [b"", b"fail", b"SUCCESS", b"success\n", b"\nsuccess", b"<html>success</html>", b"ok", 500],
    ids=str,
)
def test_anything_but_the_seven_characters_is_tried_again(alipay, form_receiver, answer):
    form_receiver.answers = [answer]
    alipay.paid()
    first, second = form_receiver.wait_for(2)
    assert first["notify_id"] == second["notify_id"]
    assert alipay.is_told(second)


def test_after_seven_repeats_the_platform_gives_up(alipay, client, form_receiver, eventually):
    client.post("/sandbox/settings", json={"notice_scale": 0})
    form_receiver.answers = [b"fail"] * 20
    number = alipay.paid()
    [notice] = eventually(lambda: notices(client, out_trade_no=number, state="exhausted"))
    assert len(notice["attempts"]) == len(form_receiver.got) == 8


def test_a06_a_genuine_notice_can_be_replayed_byte_for_byte(alipay, client, form_receiver):
    _, trade_no = alipay.created()
    notice_id = alipay.pay(trade_no).json["notice_id"]
    form_receiver.wait_for(1)
    order = {"notice_id": notice_id, "fresh": False}
    [answer] = client.post("/sandbox/notices/resend", json=order).json["answers"]
    assert (answer["status"], answer["body"]) == (200, "success")
    assert form_receiver.got[0][1] == form_receiver.got[1][1]


def test_without_rsa_notices_carry_a_constant_signature(alipay, client, form_receiver):
    client.post("/sandbox/settings", json={"require_rsa": False})
    alipay.paid()
    alipay.paid()
    forms = form_receiver.wait_for(2)
    assert len({form["sign"] for form in forms}) == 1
    assert not alipay.is_told(forms[0])


@pytest.fixture
def forge(alipay, client, form_receiver):
    _, trade_no = alipay.created()
    notice_id = alipay.pay(trade_no).json["notice_id"]
    form_receiver.wait_for(1)

    def send(**order):
        answer = client.post("/sandbox/alipay/forge", json={"notice_id": notice_id} | order)
        assert answer.status_code == 200, answer.text
        assert answer.json["body"] == "success"
        return dict(form_of(form_receiver.got[-1][1]))

    return send


def test_a11_fields_can_be_changed_and_truly_signed(alipay, forge):
    fields = {"total_amount": "0.01", "seller_id": "2088000000000001", "gmt_payment": None}
    form = forge(fields=fields)
    assert alipay.is_told(form)
    assert (form["total_amount"], form["seller_id"]) == ("0.01", "2088000000000001")
    assert "gmt_payment" not in form


def test_a12_another_kind_can_be_sent(alipay, forge):
    form = forge(fields={"notify_type": "open_app_auth_notify"})
    assert alipay.is_told(form)
    form = forge(fields={"notify_type": "servicemarket_order_notify"}, with_sign_type=True)
    assert not alipay.is_told(form)


def test_a02_fields_can_be_changed_after_signing(alipay, forge):
    form = forge(unsigned={"total_amount": "0.01"})
    assert form["total_amount"] == "0.01"
    assert not alipay.is_told(form)
    assert not alipay.is_told(forge(unsigned={"extra": "1"}))


def test_a04_another_key_can_sign(alipay, forge):
    assert not alipay.is_told(forge(key="stranger"))
    assert not alipay.is_told(forge(key="next"))


def test_a03_sign_and_sign_type_can_be_replaced_or_left_out(alipay, forge):
    assert forge(sign="QUJD")["sign"] == "QUJD"
    assert forge(sign_type="RSA")["sign_type"] == "RSA"
    assert "sign" not in forge(without=["sign"])


def test_a_name_can_come_twice(forge, form_receiver):
    forge(twice={"total_amount": "0.01"})
    values = [value for name, value in form_of(form_receiver.got[-1][1]) if name == "total_amount"]
    assert values == ["10.00", "0.01"]


@pytest.mark.parametrize(
    "order",
    [{"notice_id": "none"}, {"key": "mine"}, {"colour": "red"}, {"fields": {"a": 1}}],
    ids=str,
)
def test_an_order_that_does_not_fit_is_refused(alipay, client, order):
    _, trade_no = alipay.created()
    notice_id = alipay.pay(trade_no).json["notice_id"]
    answer = client.post("/sandbox/alipay/forge", json={"notice_id": notice_id} | order)
    assert answer.status_code == 400


def test_a_notice_of_wechat_pay_is_not_forged_here(merchant, client):
    answer = merchant.pay(merchant.place().json["prepay_id"])
    order = {"notice_id": answer.json["notice_id"]}
    assert client.post("/sandbox/alipay/forge", json=order).status_code == 400
