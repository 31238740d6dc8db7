"""Forged notices: made with real keys, changed exactly where they were told to be."""

import json

import pytest


@pytest.fixture
def forge(merchant, client, receiver):
    merchant.paid()
    notice_id = json.loads(receiver.wait_for(1)[0][1])["id"]

    def send(**order):
        answer = client.post("/sandbox/wechat-pay/forge", json={"notice_id": notice_id} | order)
        assert answer.status_code == 200, answer.text
        assert answer.json["status"] == 200
        return receiver.got[-1]

    return send


def test_a11_the_plaintext_can_be_changed_and_truly_signed(merchant, forge):
    headers, raw = forge(plain={"amount": {"total": 1}, "mchid": "1900000001", "attach": None})
    assert merchant.is_signed(headers, raw)
    plain = merchant.opened(raw)
    assert (plain["amount"]["total"], plain["amount"]["payer_total"]) == (1, 1000)
    assert plain["mchid"] == "1900000001"


def test_a16_the_kind_and_state_can_be_changed(merchant, forge):
    headers, raw = forge(event_type="REFUND.SUCCESS", plain={"trade_state": "CLOSED"})
    assert merchant.is_signed(headers, raw)
    assert json.loads(raw)["event_type"] == "REFUND.SUCCESS"
    assert merchant.opened(raw)["trade_state"] == "CLOSED"


def test_a21_the_envelope_can_be_changed(merchant, forge):
    headers, raw = forge(resource={"nonce": "000000000000"}, body={"resource_type": "plain"})
    assert merchant.is_signed(headers, raw)
    assert json.loads(raw)["resource"]["nonce"] == "000000000000"
    assert json.loads(raw)["resource_type"] == "plain"


def test_a05_a_probe_can_be_sent(merchant, forge):
    headers, _ = forge(signature="WECHATPAY/SIGNTEST/abc")
    assert headers["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/")


def test_a04_another_key_or_serial_can_sign(merchant, forge):
    headers, raw = forge(key="stranger")
    assert headers["Wechatpay-Serial"] == merchant.names["public_key_id"]
    assert not merchant.is_signed(headers, raw)
    headers, raw = forge(key="certificate")
    assert headers["Wechatpay-Serial"] != merchant.names["public_key_id"]
    headers, raw = forge(serial="ABCDEF")
    assert headers["Wechatpay-Serial"] == "ABCDEF"


def test_a06_an_old_timestamp_can_be_truly_signed(merchant, forge):
    headers, raw = forge(age_seconds=400)
    fresh, _ = forge()
    assert int(fresh["Wechatpay-Timestamp"]) - int(headers["Wechatpay-Timestamp"]) >= 400
    assert merchant.is_signed(headers, raw)


def test_headers_can_be_left_out(forge):
    headers, _ = forge(without=["Wechatpay-Signature-Type"])
    assert "Wechatpay-Signature-Type" not in headers


@pytest.mark.parametrize(
    "order", [{"notice_id": "none"}, {"key": "mine"}, {"colour": "red"}, {"plain": "x"}], ids=str
)
def test_an_order_that_does_not_fit_is_refused(merchant, client, receiver, order):
    merchant.paid()
    notice_id = json.loads(receiver.wait_for(1)[0][1])["id"]
    answer = client.post("/sandbox/wechat-pay/forge", json={"notice_id": notice_id} | order)
    assert answer.status_code == 400
