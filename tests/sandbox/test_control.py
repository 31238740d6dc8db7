"""The sandbox's own paths: log, clock, settings, books, reset, and what they refuse."""

import pytest
from sandbox_merchant import OPENID


def test_health_is_told_and_not_logged(client):
    assert client.get("/healthz").json == {"status": "ok"}
    assert client.get("/sandbox/log").json["items"] == []


def test_the_log_shows_refusals_and_masks_secrets(client, merchant, peer):
    app = peer.credentials["wechat"]
    query = f"appid={app['app_id']}&secret={app['app_secret']}&js_code=abcdef"
    client.get(f"/wechat/sns/jscode2session?{query}&grant_type=authorization_code")
    merchant.call("GET", "/v3/pay/transactions/id/1?mchid=1")
    items = client.get("/sandbox/log").json["items"]
    assert [item["seq"] for item in items] == [1, 2]
    assert app["app_secret"] not in items[0]["path"]
    assert "abcdef" not in items[0]["path"]
    assert "secret=***" in items[0]["path"]
    assert items[0]["note"] == "40029 invalid code"
    assert (items[1]["target"], items[1]["status"]) == ("wechat_pay.query", 400)
    assert items[1]["note"].startswith("PARAM_ERROR")
    assert client.get("/sandbox/log?since=1").json["items"] == items[1:]


def test_the_books_show_both_sides_in_fen(client, merchant, eventually):
    number = merchant.paid()
    body = merchant.refund_body(number, 250)
    merchant.refund(body)
    eventually(
        lambda: client.get("/sandbox/books").json["wechat_pay"]["refunds"][0]["state"] == "SUCCESS"
    )
    books = client.get("/sandbox/books").json["wechat_pay"]
    [order], [refund] = books["orders"], books["refunds"]
    wanted = {
        "out_trade_no": number,
        "total_fen": 1000,
        "refunded_fen": 250,
        "state": "REFUND",
        "payer": OPENID,
    }
    assert wanted.items() <= order.items()
    assert refund["out_refund_no"] == body["out_refund_no"]
    assert (refund["amount_fen"], refund["refunded_fen"]) == (250, 250)
    assert refund["transaction_no"] == order["transaction_no"]


def test_reset_wipes_everything_but_the_keys(client, merchant, peer, set_fault):
    merchant.paid()
    set_fault("wechat_pay.order", "drop")
    client.post("/sandbox/clock", json={"offset_seconds": 1000})
    key = peer.credentials["wechat_pay"]["merchant_serial"]
    assert client.post("/sandbox/reset").status_code == 204
    books = client.get("/sandbox/books").json["wechat_pay"]
    assert books == {"orders": [], "refunds": [], "transfers": []}
    assert client.get("/sandbox/notices").json["items"] == []
    assert client.get("/sandbox/log").json["items"] == []
    assert client.get("/sandbox/faults").json["items"] == []
    settings = client.get("/sandbox/settings").json
    assert settings["refund_min_interval_seconds"] == 1.0
    assert settings["rate_limits"] is True
    assert peer.clock.offset_seconds == 0
    assert peer.credentials["wechat_pay"]["merchant_serial"] == key
    assert merchant.place().status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("settings", {"unknown": 1}),
        ("settings", {"rate_limits": "no"}),
        ("settings", {"refund_processing_seconds": -1}),
        ("settings", {"wechat_pay_refund_outcome": "LOST"}),
        ("clock", {}),
        ("clock", {"offset_seconds": "1"}),
        ("bills", {"available": "soon"}),
        ("bills", {}),
        ("wechat/codes", {}),
        ("wechat/codes", {"openid": "a b"}),
        ("wechat/phone-codes", {"phone": "none"}),
        ("wechat-pay/pay", {}),
        ("wechat-pay/pay", {"prepay_id": "x", "coupon_fen": 0.5}),
    ],
    ids=str,
)
def test_an_order_that_cannot_be_followed_is_refused(client, path, body):
    answer = client.post(f"/sandbox/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json["error"]


def test_a_control_body_must_be_an_object(client):
    for raw in (b"{", b"[]"):
        assert client.post("/sandbox/clock", data=raw).status_code == 400


def test_a_setting_changes_only_when_all_fit(client):
    before = client.get("/sandbox/settings").json
    client.post("/sandbox/settings", json={"rate_limits": True, "unknown": 1})
    assert client.get("/sandbox/settings").json == before
