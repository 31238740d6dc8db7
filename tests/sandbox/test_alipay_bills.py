"""The trade bill of the simulated Alipay: when it exists, what it says, how it is fetched."""

import csv
import io
import zipfile
from datetime import datetime, timedelta

import pytest
from sandbox_alipay import BEIJING, OPEN_ID

from sandbox.alipay.money import fen


def now():
    return datetime.now(BEIJING)


def today():
    return f"{now():%Y-%m-%d}"


def shift_to(client, moment):
    offset = (moment - now()).total_seconds()
    client.post("/sandbox/clock", json={"offset_seconds": offset})


def download(alipay, applied):
    url = applied.node["bill_download_url"]
    return alipay.client.get(url[url.index("/alipay/") :])


def unpacked(raw):
    """The two tables by the end of their names, which are GBK without saying so."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        assert all(not entry.flag_bits & 0x800 for entry in archive.infolist())
        names = {
            entry.filename.encode("cp437").decode("gbk"): archive.read(entry).decode("gbk")
            for entry in archive.infolist()
        }
    detail = next(name for name in names if name.endswith("_业务明细.csv"))
    summary = next(name for name in names if name.endswith("_业务明细(汇总).csv"))
    return names[detail], names[summary]


def rows_of(text):
    lines = text.split("\r\n")
    table = [line for line in lines if line and not line.startswith("#")]
    head, *rows = csv.reader(table)
    cells = [dict(zip(head, (v.strip() for v in row), strict=True)) for row in rows]
    return cells, [line for line in lines if line.startswith("#")]


@pytest.fixture
def _available(client):
    client.post("/sandbox/bills", json={"available": "now"})


@pytest.mark.usefixtures("_available")
def test_the_bill_agrees_with_the_books(alipay):
    first, second = alipay.paid(), alipay.paid(subject='a,b"c 😀', body="附加")
    alipay.created()
    content = alipay.refund_content(first, "3.34")
    alipay.refund(content)
    applied = alipay.bill(today())
    assert alipay.is_signed(applied)
    file = download(alipay, applied)
    assert file.status_code == 200
    detail, summary = unpacked(file.data)
    rows, comments = rows_of(detail)
    assert comments[0] == "#支付宝业务明细查询"
    assert comments[1] == f"#账号：[{alipay.names['seller_id']}0156]"
    assert f"{now():%Y年%m月%d日} 00:00:00" in comments[2]
    assert len(rows[0]) == 25
    paid = [row for row in rows if row["业务类型"] == "交易"]
    assert [row["商户订单号"] for row in paid] == [first, second]
    assert {row["订单金额（元）"] for row in paid} == {"10.00"}
    assert (paid[0]["服务费（元）"], paid[1]["商品名称"]) == ("-0.06", 'a,b"c ?')
    assert paid[0]["退款批次号/请求号"] == ""
    assert OPEN_ID not in detail
    [back] = [row for row in rows if row["业务类型"] == "退款"]
    assert back["退款批次号/请求号"] == content["out_request_no"]
    assert (back["订单金额（元）"], back["服务费（元）"]) == ("-3.34", "0.02")
    assert back["支付宝交易号"] == paid[0]["支付宝交易号"]
    assert comments[-3] == "#交易合计：2笔，商家实收共20.00元，商家优惠共0.00元"
    assert comments[-2] == "#退款合计：1笔，商家实收退款共-3.34元，商家优惠退款共0.00元"
    [together], comments = rows_of(summary)
    assert comments[0] == "#支付宝业务汇总查询"
    assert (together["交易订单总笔数"], together["退款订单总笔数"]) == ("2", "1")
    assert (together["商家实收（元）"], together["实收净额（元）"]) == ("16.66", "16.56")


def test_a_bill_is_ready_at_nine_the_next_day(alipay, client):
    alipay.paid()
    day = today()
    assert alipay.refused(alipay.bill(day), "isv.invalid_arguments", "40002")
    nine = (now() + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
    shift_to(client, nine - timedelta(minutes=1))
    assert alipay.refused(alipay.bill(day), "isp.bill_not_exist")
    shift_to(client, nine + timedelta(minutes=1))
    assert alipay.bill(day).node["code"] == "10000"


def test_a_months_bill_is_ready_on_the_third(alipay, client):
    number = alipay.paid()
    month = f"{now():%Y-%m}"
    assert alipay.refused(alipay.bill(month), "isv.invalid_arguments", "40002")
    first = (now().replace(day=1) + timedelta(days=31)).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    shift_to(client, first + timedelta(days=2, hours=8))
    assert alipay.refused(alipay.bill(month), "isp.bill_not_exist")
    shift_to(client, first + timedelta(days=2, hours=10))
    rows, _ = rows_of(unpacked(download(alipay, alipay.bill(month)).data)[0])
    assert [row["商户订单号"] for row in rows] == [number]


@pytest.mark.usefixtures("_available")
def test_a_day_without_rows_has_no_bill(alipay):
    alipay.created()
    assert alipay.refused(alipay.bill(today()), "isp.bill_not_exist")
    alipay.paid()
    assert alipay.refused(alipay.bill(today(), "signcustomer"), "isp.bill_not_exist")
    yesterday = f"{now() - timedelta(days=1):%Y-%m-%d}"
    assert alipay.refused(alipay.bill(yesterday), "isp.bill_not_exist")
    tomorrow = f"{now() + timedelta(days=1):%Y-%m-%d}"
    assert alipay.refused(alipay.bill(tomorrow), "isv.invalid_arguments", "40002")


@pytest.mark.parametrize(
    ("bill_date", "bill_type"),
    [
        ("20261124", "trade"),
        ("2026-13-01", "trade"),
        ("2026-02-30", "trade"),
        ("2026", "trade"),
        ("", "trade"),
        ("2026-11-24", "TRADE"),
        ("2026-11-24", ""),
    ],
)
def test_a_wrong_question_is_refused(alipay, bill_date, bill_type):
    answer = alipay.bill(bill_date, bill_type)
    assert alipay.refused(answer, "isv.invalid_arguments", "40002")


@pytest.mark.usefixtures("_available")
def test_the_address_lives_thirty_seconds(alipay, client):
    alipay.paid()
    applied = alipay.bill(today())
    assert applied.node["bill_download_url"].startswith("http://127.0.0.1:9100/alipay/")
    client.post("/sandbox/clock", json={"offset_seconds": 29})
    assert download(alipay, applied).status_code == 200
    client.post("/sandbox/clock", json={"offset_seconds": 31})
    assert download(alipay, applied).status_code == 403
    assert client.get("/alipay/downloadBillFile.resource?token=abc").status_code == 403


@pytest.mark.usefixtures("_available")
def test_f105_a_bill_can_lie_and_fit_itself(alipay, set_fault):
    alipay.paid()
    set_fault("alipay.bill", "wrong_amount", delta_fen=7)
    rows, comments = rows_of(unpacked(download(alipay, alipay.bill(today())).data)[0])
    assert fen(rows[0]["订单金额（元）"]) == 1007
    assert "商家实收共10.07元" in comments[-3]


@pytest.mark.usefixtures("_available")
def test_f106_a_file_can_be_false_or_cut_off(alipay, set_fault):
    alipay.paid()
    set_fault("alipay.bill_file", "wrong_amount")
    rows, _ = rows_of(unpacked(download(alipay, alipay.bill(today())).data)[0])
    assert rows[0]["订单金额（元）"] == "10.01"
    set_fault("alipay.bill_file", "bad_signature")
    applied = alipay.bill(today())
    with pytest.raises(zipfile.BadZipFile):
        unpacked(download(alipay, applied).data)
    assert unpacked(download(alipay, applied).data)
    set_fault("alipay.bill_file", "error", status=502)
    assert download(alipay, applied).status_code == 502
