"""The trade bill of the simulated WeChat Pay: when it exists, what it says, how it is fetched."""

import gzip
import hashlib
from datetime import datetime, timedelta

import pytest

from sandbox.clock import BEIJING

BILL = "/v3/bill/tradebill"


def today():
    return f"{datetime.now(BEIJING):%Y-%m-%d}"


def apply_for(merchant, query):
    return merchant.call("GET", f"{BILL}?{query}")


def download(merchant, applied):
    target = applied.json["download_url"].partition("/wechat-pay")[2]
    return merchant.call("GET", target)


def lines_of(text):
    lines = text.split("\r\n")
    assert lines.pop() == ""
    head = lines[0].split(",")
    rows = [dict(zip(head, line[1:].split(",`"), strict=True)) for line in lines[1:-2]]
    totals = dict(zip(lines[-2].split(","), lines[-1][1:].split(",`"), strict=True))
    return rows, totals


@pytest.fixture
def _available(client):
    client.post("/sandbox/bills", json={"available": "now"})


@pytest.mark.usefixtures("_available")
def test_the_bill_agrees_with_the_books(merchant, client):
    first, second = merchant.paid(), merchant.paid(merchant.order(description="a,b`c"))
    merchant.place()
    refund = merchant.refund_body(first, 334)
    merchant.refund(refund)
    applied = apply_for(merchant, f"bill_date={today()}&bill_type=ALL&tar_type=GZIP")
    assert merchant.is_signed(applied.headers, applied.data)
    file = download(merchant, applied)
    assert "Wechatpay-Signature" not in file.headers
    raw = gzip.decompress(file.data)
    assert hashlib.sha1(raw).hexdigest() == applied.json["hash_value"]
    rows, totals = lines_of(raw.decode())
    assert len(rows[0]) == 27
    paid = [row for row in rows if row["交易状态"] == "SUCCESS"]
    assert [row["商户订单号"] for row in paid] == [first, second]
    assert {row["订单金额"] for row in paid} == {"10.00"}
    assert paid[0]["手续费"] == "0.06000"
    [back] = [row for row in rows if row["交易状态"] == "REFUND"]
    assert back["商户退款单号"] == refund["out_refund_no"]
    assert (back["退款金额"], back["手续费"], back["订单金额"]) == ("3.34", "-0.02000", "0.00")
    assert totals == {
        "总交易单数": "3",
        "应结订单总金额": "20.00",
        "退款总金额": "3.34",
        "充值券退款总金额": "0.00",
        "手续费总金额": "0.10000",
        "订单总金额": "20.00",
        "申请退款总金额": "3.34",
    }
    books = client.get("/sandbox/books").json["wechat_pay"]
    assert sum(o["total_fen"] for o in books["orders"] if o["state"] != "NOTPAY") == 2000


@pytest.mark.usefixtures("_available")
@pytest.mark.parametrize(("bill_type", "columns"), [("SUCCESS", 20), ("REFUND", 29)])
def test_a_bill_of_one_kind_holds_only_that_kind(merchant, bill_type, columns):
    number = merchant.paid()
    merchant.refund(merchant.refund_body(number))
    applied = apply_for(merchant, f"bill_date={today()}&bill_type={bill_type}")
    rows, _ = lines_of(download(merchant, applied).text)
    assert [row["交易状态"] for row in rows] == [bill_type]
    assert len(rows[0]) == columns


def test_a_bill_is_ready_at_ten_the_next_day(merchant, client):
    merchant.paid()
    day = today()
    assert merchant.refused(apply_for(merchant, f"bill_date={day}"), 400, "INVALID_REQUEST")
    now = datetime.now(BEIJING)
    ten = (now + timedelta(days=1)).replace(hour=10, minute=0, second=0, microsecond=0)
    wait = (ten - now).total_seconds()
    client.post("/sandbox/clock", json={"offset_seconds": wait - 60})
    assert merchant.refused(apply_for(merchant, f"bill_date={day}"), 400, "STATEMENT_CREATING")
    client.post("/sandbox/clock", json={"offset_seconds": wait + 60})
    assert apply_for(merchant, f"bill_date={day}").status_code == 200


@pytest.mark.usefixtures("_available")
def test_a_day_without_rows_has_no_statement(merchant):
    merchant.place()
    answer = apply_for(merchant, f"bill_date={today()}")
    assert merchant.refused(answer, 400, "NO_STATEMENT_EXIST")


@pytest.mark.parametrize(
    "query",
    [
        "bill_type=ALL",
        "bill_date=20261124",
        "bill_date=2026-13-01",
        "bill_date=2026-11-24&bill_type=SOME",
        "bill_date=2026-11-24&tar_type=ZIP",
        "bill_date=2026-11-24&a=b",
    ],
)
def test_a_wrong_application_is_refused(merchant, query):
    assert merchant.refused(apply_for(merchant, query), 400, "PARAM_ERROR")


def test_a_bill_older_than_three_months_is_refused(merchant):
    assert merchant.refused(apply_for(merchant, "bill_date=2020-01-01"), 400, "INVALID_REQUEST")


@pytest.mark.usefixtures("_available")
def test_the_token_lives_five_minutes(merchant, client):
    merchant.paid()
    applied = apply_for(merchant, f"bill_date={today()}")
    client.post("/sandbox/clock", json={"offset_seconds": 299})
    assert download(merchant, applied).status_code == 200
    client.post("/sandbox/clock", json={"offset_seconds": 301})
    assert merchant.refused(download(merchant, applied), 400, "INVALID_REQUEST")


def test_the_file_wants_a_signed_request_and_a_real_token(merchant, other_key):
    target = "/v3/billdownload/file?token=abc"
    assert merchant.refused(merchant.call("GET", target), 400, "INVALID_REQUEST")
    assert merchant.refused(merchant.call("GET", target, key=other_key), 401, "SIGN_ERROR")


@pytest.mark.usefixtures("_available")
def test_f105_a_bill_can_lie_with_a_fitting_hash(merchant, set_fault):
    merchant.paid()
    set_fault("wechat_pay.bill", "wrong_amount", delta_fen=7)
    applied = apply_for(merchant, f"bill_date={today()}")
    file = download(merchant, applied)
    assert hashlib.sha1(file.data).hexdigest() == applied.json["hash_value"]
    rows, totals = lines_of(file.text)
    assert rows[0]["订单金额"] == totals["订单总金额"] == "10.07"


@pytest.mark.usefixtures("_available")
@pytest.mark.parametrize("kind", ["wrong_amount", "bad_signature"])
def test_f106_a_file_can_be_corrupt(merchant, set_fault, kind):
    merchant.paid()
    set_fault("wechat_pay.bill_file", kind)
    applied = apply_for(merchant, f"bill_date={today()}")
    assert hashlib.sha1(download(merchant, applied).data).hexdigest() != applied.json["hash_value"]
    good = hashlib.sha1(download(merchant, applied).data).hexdigest()
    assert good == applied.json["hash_value"]
