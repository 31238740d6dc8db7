"""Transfers of the simulated Alipay: once for one number, at once, later, or in vain."""

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
