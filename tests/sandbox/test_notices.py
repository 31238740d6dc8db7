"""Notices of the simulated WeChat Pay: signed, encrypted, repeated until accepted, replayable."""

import json


def notices(client, **wanted):
    return client.get("/sandbox/notices", query_string=wanted).json["items"]


def test_a_payment_is_told_signed_and_encrypted(merchant, client, receiver, eventually):
    number = merchant.paid()
    [(headers, raw)] = receiver.wait_for(1)
    assert merchant.is_signed(headers, raw)
    body = json.loads(raw)
    assert body["event_type"] == "TRANSACTION.SUCCESS"
    assert body["resource_type"] == "encrypt-resource"
    assert body["resource"]["original_type"] == "transaction"
    assert merchant.opened(raw) == merchant.query(number).json
    [notice] = eventually(lambda: notices(client, out_trade_no=number, state="delivered"))
    assert notice["notice_id"] == body["id"]
    assert [attempt["status"] for attempt in notice["attempts"]] == [200]


def test_a_204_is_an_acceptance_too(merchant, client, receiver, eventually):
    receiver.answers = [204]
    number = merchant.paid()
    assert eventually(lambda: notices(client, out_trade_no=number, state="delivered"))
    assert len(receiver.got) == 1


def test_other_answers_are_tried_again_with_a_fresh_signature(
    merchant, client, receiver, eventually
):
    receiver.answers = [500, 401, 302, 204]
    number = merchant.paid()
    got = receiver.wait_for(4)
    assert len({raw for _, raw in got}) == 1
    assert len({headers["Wechatpay-Nonce"] for headers, _ in got}) == 4
    assert all(merchant.is_signed(headers, raw) for headers, raw in got)
    [notice] = eventually(lambda: notices(client, out_trade_no=number, state="delivered"))
    assert [attempt["status"] for attempt in notice["attempts"]] == [500, 401, 302, 204]


def test_after_fifteen_repeats_the_platform_gives_up(merchant, client, receiver, eventually):
    client.post("/sandbox/settings", json={"notice_scale": 0})
    receiver.answers = [500] * 20
    number = merchant.paid()
    [notice] = eventually(lambda: notices(client, out_trade_no=number, state="exhausted"))
    assert len(notice["attempts"]) == len(receiver.got) == 16


def test_an_unreachable_address_is_tried_again(merchant, client, eventually):
    number = merchant.paid(merchant.order(notify_url="http://127.0.0.1:9/notice"))
    assert eventually(lambda: len(notices(client, out_trade_no=number)[0]["attempts"]) >= 2)
    [notice] = notices(client, out_trade_no=number)
    assert notice["attempts"][0]["status"] is None
    assert notice["attempts"][0]["outcome"].startswith("not reached")


def test_a06_a_genuine_notice_can_be_replayed_byte_for_byte(merchant, client, receiver):
    merchant.paid()
    [(headers, raw)] = receiver.wait_for(1)
    notice_id = json.loads(raw)["id"]
    order = {"notice_id": notice_id, "fresh": False}
    assert client.post("/sandbox/notices/resend", json=order).json["answers"][0]["status"] == 200
    assert receiver.got[1][1] == raw
    assert receiver.got[1][0]["Wechatpay-Timestamp"] == headers["Wechatpay-Timestamp"]
    assert receiver.got[1][0]["Wechatpay-Nonce"] == headers["Wechatpay-Nonce"]


def test_a07_the_same_notice_fifty_times_at_once(merchant, client, receiver):
    merchant.paid()
    [(_, raw)] = receiver.wait_for(1)
    order = {"notice_id": json.loads(raw)["id"], "times": 50, "parallel": True}
    answers = client.post("/sandbox/notices/resend", json=order).json["answers"]
    assert [answer["status"] for answer in answers] == [200] * 50
    assert len(receiver.got) == 51


def test_a13_a_notice_can_be_sent_to_another_address(merchant, client, receiver):
    merchant.paid()
    [(_, raw)] = receiver.wait_for(1)
    url = receiver.url.replace("wechat-pay", "alipay")
    order = {"notice_id": json.loads(raw)["id"], "url": url}
    assert client.post("/sandbox/notices/resend", json=order).json["answers"][0]["status"] == 200


def test_resending_an_unknown_notice_is_refused(client):
    answer = client.post("/sandbox/notices/resend", json={"notice_id": "none"})
    assert answer.status_code == 400


def test_without_rsa_notices_carry_a_constant_signature(merchant, client, receiver):
    client.post("/sandbox/settings", json={"require_rsa": False})
    merchant.paid()
    merchant.paid()
    got = receiver.wait_for(2)
    assert len({headers["Wechatpay-Signature"] for headers, _ in got}) == 1
    assert not merchant.is_signed(*got[0])
