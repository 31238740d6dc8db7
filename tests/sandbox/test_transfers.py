"""Merchant transfers of the simulated WeChat Pay: confirmed by the user, once for one number."""

import base64
import secrets

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.hashes import SHA1
from sandbox_merchant import OPENID

BILLS = "/v3/fund-app/mch-transfer/transfer-bills"


@pytest.fixture
def wish(merchant):
    def made(**changes):
        body = {
            "appid": merchant.app_id,
            "out_bill_no": "W" + secrets.token_hex(12),
            "transfer_scene_id": "1005",
            "openid": OPENID,
            "transfer_amount": 500,
            "transfer_remark": "推广佣金",
            "notify_url": merchant.notify_url,
            "transfer_scene_report_infos": [
                {"info_type": "岗位类型", "info_content": "团长"},
                {"info_type": "报酬说明", "info_content": "推广佣金"},
            ],
        }
        return {name: value for name, value in (body | changes).items() if value is not None}

    return made


@pytest.fixture
def send(merchant):
    return lambda body, **more: merchant.call("POST", BILLS, body, **more)


@pytest.fixture
def ask(merchant):
    return lambda number: merchant.call("GET", f"{BILLS}/out-bill-no/{number}")


@pytest.fixture
def cancel(merchant):
    path = BILLS + "/out-bill-no/{}/cancel"
    headers = {"Content-Type": "application/json"}
    return lambda number: merchant.call("POST", path.format(number), headers=headers)


@pytest.fixture
def confirm(client):
    def act(number, **more):
        body = {"out_bill_no": number, **more}
        return client.post("/sandbox/wechat-pay/confirm-transfer", json=body)

    return act


def books(client):
    return client.get("/sandbox/books").json["wechat_pay"]["transfers"]


def test_the_user_confirms_and_the_merchant_is_told(
    merchant, receiver, wish, send, ask, confirm, client, eventually
):
    body = wish()
    number = body["out_bill_no"]
    answer = send(body)
    assert merchant.is_signed(answer.headers, answer.data)
    assert (answer.json["state"], bool(answer.json["package_info"])) == ("WAIT_USER_CONFIRM", True)
    assert books(client)[0]["paid_fen"] == 0
    assert confirm(number).json == {"state": "TRANSFERING", "amount_fen": 500}
    assert confirm(number).status_code == 409
    eventually(lambda: ask(number).json["state"] == "SUCCESS")
    asked = ask(number).json
    assert (asked["transfer_amount"], asked["openid"], asked["mch_id"]) == (
        500,
        OPENID,
        merchant.names["mch_id"],
    )
    assert "package_info" not in asked
    headers, raw = receiver.wait_for(1)[0]
    assert merchant.is_signed(headers, raw)
    plain = merchant.opened(raw)
    assert (plain["out_bill_no"], plain["state"], plain["transfer_amount"]) == (
        number,
        "SUCCESS",
        500,
    )
    assert [(row["paid_fen"], row["state"]) for row in books(client)] == [(500, "SUCCESS")]


def test_a_number_is_one_transfer_with_one_content(merchant, wish, send, client):
    body = wish()
    first, second = send(body).json, send(body).json
    assert first == second
    assert len(books(client)) == 1
    for change in ({"transfer_amount": 501}, {"openid": "o" + "C" * 27}, {"transfer_remark": "x"}):
        assert merchant.refused(send(body | change), 400, "INVALID_REQUEST")


@pytest.mark.parametrize(
    "change",
    [
        {"out_bill_no": "W_1234567"},
        {"out_bill_no": "W" * 33},
        {"transfer_amount": 9},
        {"transfer_amount": 500.0},
        {"transfer_scene_id": "1"},
        {"transfer_scene_id": "1000"},
        {"transfer_scene_report_infos": None},
        {"transfer_remark": "x" * 33},
        {"notify_url": "http://example.com/n"},
        {"transfer_amount": 200_000},
        {"surprise": "x"},
        {"user_name": "张三"},
        {"transfer_amount": 29, "user_name": "张三"},
    ],
)
def test_what_is_not_as_documented_is_refused(merchant, wish, send, client, change):
    assert merchant.refused(send(wish(**change)), 400, "PARAM_ERROR")
    assert books(client) == []


def test_another_application_or_a_stranger_is_refused(merchant, wish, send):
    assert merchant.refused(send(wish(appid="wx1")), 400, "APPID_MCHID_NOT_MATCH")
    assert merchant.refused(send(wish(openid="nobody")), 400, "INVALID_REQUEST")
    assert merchant.refused(send(wish(), signature="AAAA"), 401, "SIGN_ERROR")


def test_a_name_is_encrypted_for_the_platform(merchant, wish, send):
    padding = OAEP(MGF1(SHA1()), SHA1(), None)

    def sealed():
        return base64.b64encode(merchant.platform_key.encrypt("张三".encode(), padding)).decode()

    body = wish(transfer_amount=200_000, user_name=sealed())
    assert send(body).json["state"] == "WAIT_USER_CONFIRM"
    # Encrypted anew it is the same name, so the same transfer.
    assert send(body | {"user_name": sealed()}).status_code == 200
    assert merchant.refused(send(body | {"user_name": None}), 400, "PARAM_ERROR")


def test_nobody_confirms_in_time(merchant, receiver, wish, send, ask, confirm, client):
    first, second = wish(), wish()
    send(first)
    send(second)
    expired = client.post(
        "/sandbox/wechat-pay/expire-transfer", json={"out_bill_no": first["out_bill_no"]}
    )
    assert expired.json == {"expired": True}
    client.post("/sandbox/clock", json={"offset_seconds": 24 * 3600})
    assert confirm(second["out_bill_no"]).status_code == 409
    for body in (first, second):
        told = ask(body["out_bill_no"]).json
        assert (told["state"], told["fail_reason"]) == ("FAIL", "OVERDUE_CLOSE")
    plain = merchant.opened(receiver.wait_for(2)[0][1])
    assert plain["fail_reason"] == "OVERDUE_CLOSE"


def test_a_confirmed_transfer_may_fail(wish, send, ask, confirm, eventually):
    body = wish()
    send(body)
    confirm(body["out_bill_no"], fail_reason="TRANSFER_RISK")
    eventually(lambda: ask(body["out_bill_no"]).json["state"] == "FAIL")
    assert ask(body["out_bill_no"]).json["fail_reason"] == "TRANSFER_RISK"


def test_it_is_cancelled_until_it_is_confirmed(
    merchant, receiver, wish, send, ask, cancel, confirm, eventually
):
    body = wish()
    number = body["out_bill_no"]
    send(body)
    assert cancel(number).json["state"] == "CANCELING"
    assert confirm(number).status_code == 409
    eventually(lambda: ask(number).json["state"] == "CANCELLED")
    assert cancel(number).json["state"] == "CANCELLED"
    assert merchant.opened(receiver.wait_for(1)[0][1])["state"] == "CANCELLED"
    other = wish()
    send(other)
    confirm(other["out_bill_no"])
    assert merchant.refused(cancel(other["out_bill_no"]), 400, "INVALID_REQUEST")


def test_an_accepted_one_waits_for_the_platform_first(wish, send, ask, client, eventually):
    client.post("/sandbox/settings", json={"wechat_pay_transfer_start": "ACCEPTED"})
    body = wish()
    assert "package_info" not in send(body).json
    eventually(lambda: ask(body["out_bill_no"]).json["state"] == "WAIT_USER_CONFIRM")
    assert send(body).json["package_info"]


def test_the_balance_and_unknown_numbers(merchant, wish, send, ask, cancel, client):
    client.post("/sandbox/settings", json={"wechat_pay_transfer_balance_fen": 900})
    assert send(wish()).status_code == 200
    assert merchant.refused(send(wish()), 403, "NOT_ENOUGH")
    assert merchant.refused(ask("W" * 12), 404, "NOT_FOUND")
    assert merchant.refused(cancel("W" * 12), 404, "NOT_FOUND")


def test_faults_act_on_transfers(wish, send, ask, set_fault, client):
    set_fault("wechat_pay.transfer", "timeout_after_acting", delay_seconds=0)
    set_fault("wechat_pay.transfer_query", "wrong_amount")
    body = wish()
    assert send(body).status_code == 504
    assert len(books(client)) == 1
    assert ask(body["out_bill_no"]).json["transfer_amount"] == 501
    assert send(body).json["package_info"]


def test_it_goes_on_after_a_restart(peer, wish, send, ask, confirm, eventually):
    body = wish()
    send(body)
    confirm(body["out_bill_no"])
    peer.agenda.clear()
    for starter in peer.starters:
        starter()
    eventually(lambda: ask(body["out_bill_no"]).json["state"] == "SUCCESS")
