"""Refunds of the simulated Alipay: in parts, once each, never more than was paid."""

import pytest
from sandbox_alipay import AlipayMerchant, stamp

from sandbox.application import create_application


def books(client):
    return client.get("/sandbox/books").json["alipay"]


def test_a_part_goes_back_at_once(alipay, client):
    number = alipay.paid()
    content = alipay.refund_content(number, "2.50", refund_reason="会员 退款")
    answer = alipay.refund(content)
    assert alipay.is_signed(answer)
    assert answer.node["fund_change"] == "Y"
    assert (answer.node["refund_fee"], answer.node["send_back_fee"]) == ("2.50", "2.50")
    assert answer.node["gmt_refund_pay"][:16] == stamp()[:16]
    assert alipay.query(number).node["trade_status"] == "TRADE_SUCCESS"
    [order], [refund] = books(client)["orders"], books(client)["refunds"]
    wanted = {"out_trade_no": number, "total_fen": 1000, "refunded_fen": 250}
    assert wanted.items() <= order.items()
    assert refund["out_refund_no"] == content["out_request_no"]
    assert (refund["amount_fen"], refund["refunded_fen"], refund["state"]) == (250, 250, "SUCCESS")
    assert refund["transaction_no"] == order["transaction_no"] == order["trade_no"]


def test_the_books_of_both_platforms_have_the_same_columns(alipay, merchant, client):
    alipay.refund(alipay.refund_content(alipay.paid()))
    merchant.refund(merchant.refund_body(merchant.paid()))
    both = client.get("/sandbox/books").json
    for part in ("orders", "refunds"):
        ours, theirs = both["alipay"][part][0], both["wechat_pay"][part][0]
        assert set(ours) - {"trade_no"} == set(theirs)


def test_refund_fee_is_the_sum_and_the_whole_closes_the_trade(alipay):
    number = alipay.paid()
    first = alipay.refund(alipay.refund_content(number, "4.00"))
    second = alipay.refund(alipay.refund_content(number, "6.00"))
    assert (first.node["refund_fee"], second.node["refund_fee"]) == ("4.00", "10.00")
    assert second.node["send_back_fee"] == "6.00"
    node = alipay.query(number).node
    assert node["trade_status"] == "TRADE_CLOSED"
    assert node["send_pay_date"]
    more = alipay.refund(alipay.refund_content(number, "0.01"))
    assert alipay.refused(more, "ACQ.TRADE_HAS_CLOSE")


def test_the_same_request_again_changes_nothing(alipay, client):
    number = alipay.paid()
    content = alipay.refund_content(number, "10.00")
    assert alipay.refund(content).node["fund_change"] == "Y"
    again = alipay.refund(content)
    assert again.node["code"] == "10000"
    assert (again.node["fund_change"], again.node["refund_fee"]) == ("N", "10.00")
    assert "gmt_refund_pay" not in again.node
    assert len(books(client)["refunds"]) == 1


def test_a_number_keeps_its_amount_within_its_trade(alipay):
    number, other = alipay.paid(), alipay.paid()
    content = alipay.refund_content(number, "1.00")
    alipay.refund(content)
    changed = alipay.refund(content | {"refund_amount": "1.01"})
    assert alipay.refused(changed, "ACQ.DISCORDANT_REPEAT_REQUEST")
    elsewhere = alipay.refund(content | {"out_trade_no": other, "refund_amount": "2.00"})
    assert elsewhere.node["fund_change"] == "Y"


def test_more_than_was_paid_is_refused(alipay):
    number = alipay.paid()
    whole = alipay.refund(alipay.refund_content(number, "10.01"))
    assert alipay.refused(whole, "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL")
    alipay.refund(alipay.refund_content(number, "6.00"))
    rest = alipay.refund(alipay.refund_content(number, "4.01"))
    assert alipay.refused(rest, "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL")


def test_only_the_whole_goes_back_without_a_number(alipay):
    number = alipay.paid()
    part = alipay.refund(alipay.refund_content(number, "9.99", out_request_no=None))
    assert alipay.refused(part, "ACQ.INVALID_PARAMETER")
    whole = alipay.refund(alipay.refund_content(number, "10.00", out_request_no=None))
    assert whole.node["fund_change"] == "Y"
    assert alipay.refund_query(number, number).node["refund_status"] == "REFUND_SUCCESS"


@pytest.mark.parametrize(
    ("state", "sub_code"),
    [
        ("unknown", "ACQ.TRADE_NOT_EXIST"),
        ("waiting", "ACQ.TRADE_STATUS_ERROR"),
        ("closed", "ACQ.TRADE_HAS_CLOSE"),
    ],
)
def test_what_was_not_paid_cannot_go_back(alipay, state, sub_code):
    number = "T0" if state == "unknown" else alipay.created()[0]
    if state == "closed":
        alipay.close(number)
    assert alipay.refused(alipay.refund(alipay.refund_content(number)), sub_code)


@pytest.mark.parametrize(
    "changes",
    [
        {"refund_amount": None},
        {"refund_amount": "0"},
        {"refund_amount": "1.001"},
        {"refund_amount": 1},
        {"out_request_no": "R-1"},
        {"out_request_no": "R" * 65},
        {"refund_reason": "a=b"},
        {"refund_reason": "理" * 257},
        {"query_options": "refund_detail_item_list"},
        {"out_trade_no": None},
        {"out_refund_no": "R1"},
    ],
    ids=str,
)
def test_a_field_that_does_not_fit_is_refused(alipay, changes):
    content = alipay.refund_content(alipay.paid(), **changes)
    assert alipay.refused(alipay.refund(content), "ACQ.INVALID_PARAMETER")


def test_the_sellers_balance_is_the_limit(alipay, client):
    client.post("/sandbox/settings", json={"alipay_balance_fen": 300})
    number = alipay.paid()
    assert alipay.refund(alipay.refund_content(number, "2.00")).node["fund_change"] == "Y"
    content = alipay.refund_content(number, "1.01")
    assert alipay.refused(alipay.refund(content), "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    assert "refund_status" not in alipay.refund_query(number, content["out_request_no"]).node
    client.post("/sandbox/settings", json={"alipay_balance_fen": None})
    assert alipay.refund(content).node["fund_change"] == "Y"


def test_the_query_tells_only_what_has_happened(alipay):
    number = alipay.paid()
    content = alipay.refund_content(number, "3.00")
    before = alipay.refund_query(number, content["out_request_no"])
    assert alipay.is_signed(before)
    assert before.node["code"] == "10000"
    assert "refund_status" not in before.node
    alipay.refund(content)
    node = alipay.refund_query(number, content["out_request_no"]).node
    assert node["refund_status"] == "REFUND_SUCCESS"
    assert (node["refund_amount"], node["total_amount"]) == ("3.00", "10.00")
    assert "gmt_refund_pay" not in node
    options = ["gmt_refund_pay", "refund_detail_item_list"]
    node = alipay.refund_query(number, content["out_request_no"], query_options=options).node
    assert node["gmt_refund_pay"]
    assert node["refund_detail_item_list"][0]["amount"] == "3.00"


def test_a_query_must_name_trade_and_request(alipay):
    missing = alipay.refund_query("T0", "R0")
    assert alipay.refused(missing, "ACQ.TRADE_NOT_EXIST")
    assert alipay.refused(alipay.refund_query("T0", ""), "ACQ.INVALID_PARAMETER")
    assert alipay.refused(alipay.refund_query("", "R0"), "ACQ.INVALID_PARAMETER")


def test_a_refund_can_take_its_time(alipay, client, form_receiver, eventually):
    settings = {"alipay_refund_outcome": "later", "refund_processing_seconds": 0.3}
    client.post("/sandbox/settings", json=settings)
    number = alipay.paid()
    content = alipay.refund_content(number, "10.00")
    first, again = alipay.refund(content), alipay.refund(content)
    assert {first.node["fund_change"], again.node["fund_change"]} == {"N"}
    assert first.node["refund_fee"] == "0.00"
    request_no = content["out_request_no"]
    assert "refund_status" not in alipay.refund_query(number, request_no).node
    more = alipay.refund(alipay.refund_content(number, "0.01"))
    assert alipay.refused(more, "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL")
    eventually(lambda: "refund_status" in alipay.refund_query(number, request_no).node)
    assert form_receiver.wait_for(2)[1]["out_biz_no"] == request_no
    assert alipay.query(number).node["trade_status"] == "TRADE_CLOSED"


def test_a_refund_can_come_to_nothing_and_be_asked_for_again(alipay, client):
    client.post("/sandbox/settings", json={"alipay_refund_outcome": "never"})
    number = alipay.paid()
    content = alipay.refund_content(number)
    assert alipay.refund(content).node["fund_change"] == "N"
    assert "refund_status" not in alipay.refund_query(number, content["out_request_no"]).node
    client.post("/sandbox/settings", json={"alipay_refund_outcome": "now"})
    assert alipay.refund(content).node["fund_change"] == "Y"


def test_a_restart_takes_up_refunds_and_waiting_trades(tmp_path, form_receiver):
    first = create_application(tmp_path, 9100, 0.002)
    client = first.test_client()
    settings = {"alipay_refund_outcome": "later", "refund_processing_seconds": 0.2}
    client.post("/sandbox/settings", json=settings)
    alipay = AlipayMerchant(client, first.extensions["peer"].credentials, form_receiver.url)
    waiting, _ = alipay.created(time_expire=stamp(2))
    paid = alipay.paid()
    alipay.refund(alipay.refund_content(paid))
    first.extensions["peer"].close()
    second = create_application(tmp_path, 9100, 0.002)
    second.extensions["peer"].start()
    try:
        forms = form_receiver.wait_for(3)
    finally:
        second.extensions["peer"].close()
    told = {(form["out_trade_no"], form["trade_status"], "refund_fee" in form) for form in forms}
    assert told == {
        (paid, "TRADE_SUCCESS", False),
        (paid, "TRADE_SUCCESS", True),
        (waiting, "TRADE_CLOSED", False),
    }
