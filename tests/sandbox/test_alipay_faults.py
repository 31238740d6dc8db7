"""Every kind of fault at the calls and notices of the simulated Alipay."""

import threading
import time

import pytest


def books(client):
    return client.get("/sandbox/books").json["alipay"]


@pytest.fixture
def call_of(alipay, client):
    """One repeatable call of each target, on a trade of its own."""
    client.post("/sandbox/bills", json={"available": "now"})

    def make(target):
        trade, number = alipay.trade(), alipay.paid()
        refund = alipay.refund_content(number)
        if target == "refund_query":
            alipay.refund(refund)
        return {
            "oauth_token": lambda: alipay.sign_in(
                grant_type="authorization_code", code=alipay.code()
            ),
            "trade_create": lambda: alipay.create(trade),
            "trade_query": lambda: alipay.query(number),
            "trade_close": lambda: alipay.close(alipay.created()[0]),
            "refund": lambda: alipay.refund(refund),
            "refund_query": lambda: alipay.refund_query(number, refund["out_request_no"]),
            "bill": lambda: alipay.bill(today(alipay)),
        }[target]

    return make


def today(alipay):
    return alipay.parameters("x")["timestamp"][:10]


TARGETS = [
    "oauth_token",
    "trade_create",
    "trade_query",
    "trade_close",
    "refund",
    "refund_query",
    "bill",
]


@pytest.mark.parametrize("target", TARGETS)
def test_drop_answers_504_and_is_used_up(call_of, set_fault, target):
    call = call_of(target)
    set_fault(f"alipay.{target}", "drop")
    assert call().status_code == 504
    assert call().status_code == 200


@pytest.mark.parametrize("target", TARGETS)
def test_bad_signature_spoils_the_answer(alipay, call_of, set_fault, target):
    call = call_of(target)
    set_fault(f"alipay.{target}", "bad_signature")
    spoiled = call()
    assert spoiled.status_code == 200
    assert not alipay.is_signed(spoiled)
    assert alipay.is_signed(call())


@pytest.mark.parametrize("target", TARGETS)
def test_error_answers_in_the_platforms_form(alipay, call_of, set_fault, target):
    call = call_of(target)
    usual = "isp.unknow-error" if target in {"oauth_token", "bill"} else "ACQ.SYSTEM_ERROR"
    set_fault(f"alipay.{target}", "error")
    assert alipay.refused(call(), usual, "20000" if usual.startswith("isp") else "40004")
    set_fault(f"alipay.{target}", "error", code="isv.app-call-limited")
    assert alipay.refused(call(), "isv.app-call-limited", "40005")
    set_fault(f"alipay.{target}", "error", code="20000")
    unsure = call()
    assert (unsure.node["code"], unsure.sub_code) == ("20000", None)
    set_fault(f"alipay.{target}", "error", status=502)
    page = call()
    assert page.status_code == 502
    assert page.text.startswith("<html>")


@pytest.mark.parametrize("target", TARGETS)
def test_delay_acts_and_answers_late(call_of, set_fault, target):
    call = call_of(target)
    set_fault(f"alipay.{target}", "delay", delay_seconds=0.1)
    started = time.monotonic()
    assert call().status_code == 200
    assert time.monotonic() - started >= 0.1


def test_drop_and_error_do_nothing(alipay, client, set_fault):
    for kind in ("drop", "error"):
        set_fault("alipay.trade_create", kind)
        alipay.create()
    assert books(client)["orders"] == []


def test_b34_timeout_after_acting_leaves_everything_done(alipay, client, set_fault):
    for target in ("trade_create", "trade_close", "refund"):
        set_fault(f"alipay.{target}", "timeout_after_acting", delay_seconds=0.01)
    content = alipay.trade()
    assert alipay.create(content).status_code == 504
    number = content["out_trade_no"]
    assert alipay.query(number).node["trade_status"] == "WAIT_BUYER_PAY"
    assert alipay.close(number).status_code == 504
    assert alipay.query(number).node["trade_status"] == "TRADE_CLOSED"
    refund = alipay.refund_content(alipay.paid())
    assert alipay.refund(refund).status_code == 504
    assert alipay.refund(refund).node["fund_change"] == "N"
    assert len(books(client)["refunds"]) == 1


def test_wrong_amount_lies_with_a_true_signature(alipay, set_fault):
    number = alipay.paid()
    set_fault("alipay.trade_query", "wrong_amount", delta_fen=-1)
    lie = alipay.query(number)
    assert alipay.is_signed(lie)
    assert (lie.node["total_amount"], lie.node["receipt_amount"]) == ("9.99", "9.99")
    assert alipay.query(number).node["total_amount"] == "10.00"
    content = alipay.refund_content(number)
    set_fault("alipay.refund", "wrong_amount")
    assert alipay.refund(content).node["refund_fee"] == "1.01"
    set_fault("alipay.refund_query", "wrong_amount")
    answer = alipay.refund_query(number, content["out_request_no"])
    assert answer.node["refund_amount"] == "1.01"


def test_duplicate_lets_a_refund_arrive_thrice(alipay, client, set_fault):
    number = alipay.paid()
    set_fault("alipay.refund", "duplicate", count=3)
    answer = alipay.refund(alipay.refund_content(number, "4.00"))
    assert (answer.node["fund_change"], answer.node["refund_fee"]) == ("N", "4.00")
    assert len(books(client)["refunds"]) == 1


def test_duplicate_uses_up_a_code(alipay, set_fault):
    set_fault("alipay.oauth_token", "duplicate")
    answer = alipay.sign_in(grant_type="authorization_code", code=alipay.code())
    assert alipay.refused(answer, "isv.code-invalid", "40002")


def test_reorder_holds_a_call_until_the_next_was_answered(alipay, set_fault):
    set_fault("alipay.trade_create", "reorder", delay_seconds=5, match={"subject": "first"})
    order = []

    def create(subject):
        assert alipay.create(alipay.trade(subject=subject)).node["code"] == "10000"
        order.append(subject)

    held = threading.Thread(target=create, args=("first",))
    held.start()
    time.sleep(0.1)
    create("second")
    held.join()
    assert order == ["second", "first"]


def test_match_meets_only_the_call_that_is_meant(alipay, set_fault):
    meant, other = alipay.paid(), alipay.paid()
    set_fault("alipay.trade_query", "drop", match={"out_trade_no": meant})
    assert alipay.query(other).status_code == 200
    assert alipay.query(meant).status_code == 504


def test_a_refused_request_is_noted_and_its_secrets_masked(alipay, client):
    answer = alipay.sign_in(grant_type="authorization_code", code="abcdef")
    assert answer.sub_code == "isv.code-invalid"
    alipay.sign_in(grant_type="authorization_code", code="abcdef", afterwards={"sign": "QUJD"})
    entry, forged = client.get("/sandbox/log").json["items"]
    assert forged["note"] == "isv.invalid-signature"
    assert entry["target"] == "alipay.oauth_token"
    assert entry["note"].startswith("isv.code-invalid")
    assert "abcdef" not in entry["path"]
    assert "sign=***" in entry["path"]


@pytest.mark.parametrize("kind", ["drop", "error", "bad_signature", "timeout_after_acting"])
def test_a_troubled_notice_is_followed_by_a_good_one(
    alipay, client, form_receiver, set_fault, kind, eventually
):
    set_fault("alipay.notice", kind)
    if kind == "bad_signature":
        form_receiver.answers = [b"fail"]
    number = alipay.paid()
    wanted = {"out_trade_no": number, "state": "delivered"}
    [notice] = eventually(lambda: client.get("/sandbox/notices", query_string=wanted).json["items"])
    assert [attempt["fault"] for attempt in notice["attempts"]] == [kind, None]
    forms = form_receiver.wait_for(1 if kind in {"drop", "error"} else 2)
    assert alipay.is_told(forms[0]) is (kind != "bad_signature")
    assert alipay.is_told(forms[-1])


def test_a10_a_notice_can_lie_with_a_true_signature(alipay, form_receiver, set_fault):
    set_fault("alipay.notice", "wrong_amount", delta_fen=-999)
    number = alipay.paid()
    [form] = form_receiver.wait_for(1)
    assert alipay.is_told(form)
    assert (form["total_amount"], form["receipt_amount"]) == ("0.01", "0.01")
    set_fault("alipay.notice", "wrong_amount")
    alipay.refund(alipay.refund_content(number))
    form = form_receiver.wait_for(2)[1]
    assert (form["refund_fee"], form["total_amount"]) == ("1.01", "10.00")


def test_a_duplicated_notice_comes_as_often_as_asked(alipay, form_receiver, set_fault):
    set_fault("alipay.notice", "duplicate", count=3)
    alipay.paid()
    assert len({form["notify_id"] for form in form_receiver.wait_for(3)}) == 1


def test_a24_a_held_notice_arrives_after_the_next(alipay, form_receiver, set_fault):
    set_fault("alipay.notice", "reorder")
    number = alipay.paid()
    time.sleep(0.1)
    assert form_receiver.got == []
    alipay.refund(alipay.refund_content(number))
    refund, payment = form_receiver.wait_for(2)
    assert "refund_fee" in refund
    assert "refund_fee" not in payment


def test_a_delayed_notice_comes_late(alipay, form_receiver, set_fault):
    set_fault("alipay.notice", "delay", delay_seconds=0.3)
    started = time.monotonic()
    alipay.paid()
    form_receiver.wait_for(1)
    assert time.monotonic() - started >= 0.3
