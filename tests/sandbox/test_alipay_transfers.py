"""Transfers of the simulated Alipay: once for one number, at once, later, or in vain."""

import json
import secrets

import pytest
from sandbox_alipay import OPEN_ID

SENDS = "alipay.fund.trans.uni.transfer"
ASKS = "alipay.fund.trans.common.query"
PRODUCT = {"product_code": "TRANS_ACCOUNT_NO_PWD", "biz_scene": "DIRECT_TRANSFER"}
REPORTED = [
    {"info_type": "岗位类型", "info_content": "团长"},
    {"info_type": "报酬说明", "info_content": "推广佣金"},
]


def wish(**changes):
    content = PRODUCT | {
        "out_biz_no": "W" + secrets.token_hex(12),
        "trans_amount": "5.00",
        "order_title": "推广佣金",
        "payee_info": {"identity": OPEN_ID, "identity_type": "ALIPAY_OPEN_ID"},
        "transfer_scene_name": "佣金报酬",
        "transfer_scene_report_infos": REPORTED,
    }
    return {name: value for name, value in (content | changes).items() if value is not None}


def ask(alipay, number):
    return alipay.call(ASKS, PRODUCT | {"out_biz_no": number})


def books(client):
    return client.get("/sandbox/books").json["alipay"]["transfers"]


def test_the_money_arrives_at_once(alipay, client):
    content = wish()
    answer = alipay.call(SENDS, content)
    assert alipay.is_signed(answer)
    assert (answer.node["code"], answer.node["status"]) == ("10000", "SUCCESS")
    asked = ask(alipay, content["out_biz_no"]).node
    assert (asked["trans_amount"], asked["status"]) == ("5.00", "SUCCESS")
    assert asked["order_id"] == answer.node["order_id"]
    assert [(row["paid_fen"], row["payee"]) for row in books(client)] == [(500, OPEN_ID)]


def test_a_number_is_one_transfer_with_one_content(alipay, client):
    content = wish()
    told = [alipay.call(SENDS, content).node for _ in range(2)]
    for node in told:
        node.pop("ext_infos", None)  # which some answers have, and others have not
    assert told[0] == told[1]
    changed = alipay.call(SENDS, content | {"trans_amount": "5.01"})
    assert alipay.refused(changed, "PAYMENT_INFO_INCONSISTENCY")
    assert len(books(client)) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"trans_amount": "0.09"}, "EXCEED_LIMIT_UNRN_DM_AMOUNT"),
        ({"trans_amount": 5}, "INVALID_PARAMETER"),
        ({"product_code": "OTHER"}, "INVALID_PARAMETER"),
        ({"out_biz_no": "W-1"}, "INVALID_PARAMETER"),
        ({"payee_info": {"identity": OPEN_ID}}, "INVALID_PARAMETER"),
        (
            {"payee_info": {"identity": "nobody", "identity_type": "ALIPAY_OPEN_ID"}},
            "PAYEE_NOT_EXIST",
        ),
        ({"transfer_scene_name": None}, "TRANSFER_SCENE_NAME_BLANK"),
        ({"transfer_scene_name": "现金营销"}, "TRANSFER_SCENE_REPORT_INFO_INVALID"),
        ({"surprise": "x"}, "INVALID_PARAMETER"),
    ],
)
def test_what_is_not_as_documented_is_refused(alipay, client, change, code):
    assert alipay.refused(alipay.call(SENDS, wish(**change)), code)
    assert books(client) == []


@pytest.mark.parametrize(("outcome", "end"), [("later", "SUCCESS"), ("fail", "FAIL")])
def test_it_may_take_its_time(alipay, client, peer, eventually, outcome, end):
    client.post("/sandbox/settings", json={"alipay_transfer_outcome": outcome})
    content = wish()
    assert alipay.call(SENDS, content).node["status"] == "DEALING"
    peer.agenda.clear()
    for starter in peer.starters:
        starter()
    eventually(lambda: ask(alipay, content["out_biz_no"]).node["status"] == end)
    assert books(client)[0]["paid_fen"] == (500 if end == "SUCCESS" else 0)
    assert ("error_code" in ask(alipay, content["out_biz_no"]).node) == (end == "FAIL")


def test_the_balance_unknown_numbers_and_faults(alipay, client, set_fault):
    client.post("/sandbox/settings", json={"alipay_transfer_balance_fen": 900})
    alipay.call(SENDS, wish())
    assert alipay.refused(alipay.call(SENDS, wish()), "PAYER_BALANCE_NOT_ENOUGH")
    assert alipay.refused(ask(alipay, "W1"), "ORDER_NOT_EXIST")
    assert alipay.refused(alipay.call(ASKS, {"out_biz_no": "W1"}), "INVALID_PARAMETER")
    client.post("/sandbox/settings", json={"alipay_transfer_balance_fen": None})
    set_fault("alipay.transfer", "timeout_after_acting", delay_seconds=0)
    content = wish()
    assert alipay.call(SENDS, content).status_code == 504
    assert ask(alipay, content["out_biz_no"]).node["status"] == "SUCCESS"
    set_fault("alipay.transfer", "error")
    assert alipay.refused(alipay.call(SENDS, wish()), "SYSTEM_ERROR")


def told(form):
    return json.loads(form["biz_content"])


@pytest.mark.parametrize(("outcome", "end"), [("now", "SUCCESS"), ("fail", "FAIL")])
def test_the_application_is_told_of_the_end(alipay, client, form_receiver, outcome, end):
    settings = {"alipay_transfer_outcome": outcome, "alipay_messages_url": form_receiver.url}
    client.post("/sandbox/settings", json=settings)
    content = wish()
    form_receiver.answers = [b"failure"]
    answer = alipay.call(SENDS, content).node
    first, again = form_receiver.wait_for(2)
    assert first["msg_method"] == "alipay.fund.trans.order.changed"
    assert (told(first)["out_biz_no"], told(first)["status"]) == (content["out_biz_no"], end)
    assert (told(first)["trans_amount"], told(first)["order_id"]) == ("5.00", answer["order_id"])
    assert first["notify_id"] == again["notify_id"]
    assert "notify_type" not in first
    assert ("pay_date" in told(first)) == (end == "SUCCESS")
    assert "seller_id" not in first


def test_a_message_may_lie_or_come_late(alipay, client, form_receiver, set_fault):
    client.post("/sandbox/settings", json={"alipay_messages_url": form_receiver.url})
    set_fault("alipay.transfer_notice", "wrong_amount", delta_fen=7)
    alipay.call(SENDS, wish())
    assert told(form_receiver.wait_for(1)[0])["trans_amount"] == "5.07"
    set_fault("alipay.transfer_notice", "duplicate", count=2)
    alipay.call(SENDS, wish())
    assert len({form["notify_id"] for form in form_receiver.wait_for(3)}) == 2


def test_nobody_is_told_without_an_address(alipay, client):
    alipay.call(SENDS, wish())
    assert client.get("/sandbox/notices").json["items"] == []
