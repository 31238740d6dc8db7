"""Order shipping information: what the platform takes, corrects once and refuses."""

import pytest
from sandbox_merchant import OPENID

UPLOAD = "/wechat/wxa/sec/order/upload_shipping_info"
GET_ORDER = "/wechat/wxa/sec/order/get_order"


@pytest.fixture
def post(client, peer):
    app = peer.credentials["wechat"]
    token = client.post(
        "/wechat/cgi-bin/stable_token",
        json={
            "grant_type": "client_credential",
            "appid": app["app_id"],
            "secret": app["app_secret"],
        },
    ).json["access_token"]
    return lambda path, body: client.post(f"{path}?access_token={token}", json=body).json


def upload_body(merchant, out_trade_no, **changes):
    body = {
        "order_key": {
            "order_number_type": 1,
            "mchid": merchant.names["mch_id"],
            "out_trade_no": out_trade_no,
        },
        "logistics_type": 3,
        "delivery_mode": 1,
        "shipping_list": [{"item_desc": "礼品卡 1 张"}],
        "upload_time": "2026-11-24T13:29:35.120+08:00",
        "payer": {"openid": OPENID},
    }
    return body | changes


def test_a_paid_order_is_shipped_and_shown(merchant, post):
    number = merchant.paid()
    paid = merchant.query(number).json
    assert post(GET_ORDER, {"transaction_id": paid["transaction_id"]})["order"]["order_state"] == 1
    assert post(UPLOAD, upload_body(merchant, number))["errcode"] == 0
    key = {"merchant_id": merchant.names["mch_id"], "merchant_trade_no": number}
    order = post(GET_ORDER, key)["order"]
    assert (order["order_state"], order["paid_amount"]) == (2, 1000)
    assert order["shipping"]["logistics_type"] == 3
    by_id = {"order_number_type": 2, "transaction_id": paid["transaction_id"]}
    again = upload_body(merchant, number, order_key=by_id)
    again["shipping_list"] = [{"item_desc": "another"}]
    assert post(UPLOAD, again)["errcode"] == 0


def test_an_order_is_not_visible_in_the_first_moments(merchant, client, post):
    client.post("/sandbox/settings", json={"shipping_visible_after_seconds": 30})
    number = merchant.paid()
    assert post(UPLOAD, upload_body(merchant, number))["errcode"] == 10060001
    client.post("/sandbox/clock", json={"offset_seconds": 31})
    assert post(UPLOAD, upload_body(merchant, number))["errcode"] == 0


def test_an_unpaid_or_unknown_order_does_not_exist(merchant, post):
    order = merchant.order()
    merchant.place(order)
    for number in (order["out_trade_no"], "T999999"):
        assert post(UPLOAD, upload_body(merchant, number))["errcode"] == 10060001
    assert post(GET_ORDER, {"transaction_id": "42"})["errcode"] == 10060001


def test_the_same_upload_again_changes_nothing(merchant, post):
    body = upload_body(merchant, merchant.paid())
    post(UPLOAD, body)
    later = body | {"upload_time": "2026-11-24T14:00:00+08:00"}
    assert post(UPLOAD, later)["errcode"] == 10060023


def test_one_correction_is_granted(merchant, post):
    number = merchant.paid()
    codes = [
        post(UPLOAD, upload_body(merchant, number, shipping_list=[{"item_desc": text}]))["errcode"]
        for text in ("a", "b", "c")
    ]
    assert codes == [0, 0, 10060003]


def test_after_the_receipt_nothing_can_be_shipped(merchant, client, post):
    number = merchant.paid()
    post(UPLOAD, upload_body(merchant, number))
    transaction_id = merchant.query(number).json["transaction_id"]
    order = {"transaction_id": transaction_id}
    assert client.post("/sandbox/wechat/confirm-receipt", json=order).json == {"confirmed": True}
    assert post(GET_ORDER, order)["order"]["order_state"] == 3
    changed = upload_body(merchant, number, shipping_list=[{"item_desc": "b"}])
    assert post(UPLOAD, changed)["errcode"] == 10060002


def test_a_refunded_order_cannot_be_shipped(merchant, post):
    number = merchant.paid()
    merchant.refund(merchant.refund_body(number, 1000))
    assert post(UPLOAD, upload_body(merchant, number))["errcode"] == 10060004


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"order_key": {"order_number_type": 3}}, 268485194),
        ({"order_key": None}, 268485194),
        ({"order_key": {"order_number_type": 2}}, 268485195),
        ({"order_key": {"order_number_type": 1, "mchid": "1"}}, 268485196),
        ({"logistics_type": 5}, 10060005),
        ({"delivery_mode": 3}, 268485224),
        ({"delivery_mode": 2}, 10060006),
        ({"logistics_type": 1, "delivery_mode": 2}, 268485226),
        ({"logistics_type": 1}, 10060007),
        ({"shipping_list": []}, 10060024),
        ({"shipping_list": [{"item_desc": "a"}, {"item_desc": "b"}]}, 10060024),
        ({"shipping_list": [{"item_desc": ""}]}, 268485227),
        ({"shipping_list": [{"item_desc": "x" * 121}]}, 268485228),
        ({"upload_time": "2026-11-24T13:29:35.120 08:00"}, 268485216),
        ({"upload_time": "2026-11-24T13:29:35"}, 268485216),
        ({"upload_time": None}, 268485216),
        ({"payer": {"openid": "oOther"}}, 10060031),
        ({"payer": None}, 47001),
    ],
    ids=str,
)
def test_an_upload_out_of_its_form_is_refused(merchant, post, changes, errcode):
    body = upload_body(merchant, merchant.paid(), **changes)
    assert post(UPLOAD, body)["errcode"] == errcode


def test_faults_meet_the_upload(merchant, post, set_fault):
    set_fault("wechat.shipping", "error", code="10060012")
    number = merchant.paid()
    assert post(UPLOAD, upload_body(merchant, number))["errcode"] == 10060012
    set_fault("wechat.shipping", "timeout_after_acting", delay_seconds=0, match=number)
    assert post(UPLOAD, upload_body(merchant, number)) is None
    assert post(UPLOAD, upload_body(merchant, number))["errcode"] == 10060023
