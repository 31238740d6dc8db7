"""Alipay's daily bill: unpacked within limits, whole and exact, or refused."""

import io
import zipfile
from datetime import UTC, date, datetime
from typing import Any

import pytest

from shop.payments import alipay_bills
from shop.payments.gateway import BillMissing, BillRowKind, Channel, Refused, ResultUnknown
from tests.doubles.alipay import (
    NUMBER,
    REFUND_NUMBER,
    TRADE_NO,
    asked_for,
    failed,
    make_gateway,
    ok,
    signed,
)
from tests.doubles.http import Answer, Asked, ScriptedServer

DAY = date(2026, 11, 20)
NAMES = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,"
    "订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,"
    "券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
PAYMENT = (
    f'{TRADE_NO}\t,{NUMBER}\t,交易,"团卡,100元",2026-11-20 19:59:00,2026-11-20 19:59:58,\t,\t,'
    "\t,\t,*明(138****0000)\t,10.50,10.50,0.00,0.00,0.00,0.00,0.00,,0.00,0.00,,-0.06,0.00,"
)
REFUND = (
    f"{TRADE_NO}\t,{NUMBER}\t,退款,团卡,2026-11-20 20:09:00,2026-11-20 20:10:00,\t,\t,\t,\t,"
    f"*明(138****0000)\t,-0.50,-0.50,0.00,0.00,0.00,0.00,0.00,,0.00,0.00,{REFUND_NUMBER},0.01,0.00,"
)
TAIL = (
    "#-----------------------------------------业务明细列表结束------------------------------------",
    "#交易合计：1笔，商家实收共10.50元，商家优惠共0.00元",
    "#退款合计：1笔，商家实收退款共-0.50元，商家优惠退款共0.00元",
    "#导出时间：[2026年11月21日 10:00:00]",
)
HEAD = (
    "#支付宝业务明细查询",
    "#账号：[20880000000000010156]",
    "#起始日期：[2026年11月20日 00:00:00]   终止日期：[2026年11月21日 00:00:00]",
    "#-----------------------------------------业务明细列表----------------------------------------",
)


def table(rows: tuple[str, ...] = (PAYMENT, REFUND), tail: tuple[str, ...] = TAIL) -> str:
    return "\r\n".join((*HEAD, NAMES, *rows, *tail)) + "\r\n"


def packed(*contents: str | bytes) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for at, content in enumerate(contents):
            raw = content.encode("gb18030") if isinstance(content, str) else content
            archive.writestr(f"2088_{at}.csv", raw)
    return memory.getvalue()


SUMMARY = "#支付宝业务汇总查询\r\n门店编号,门店名称,交易订单总笔数\r\n"


def serve(server: ScriptedServer, raw: bytes, url: str = "", status: int = 200) -> None:
    def answer(asked: Asked) -> Answer:
        if "/file" in asked.target:
            return Answer(status, raw)
        return signed(ok(bill_download_url=url or f"{server.url}/file?token=1"))(asked)

    server.answer = answer


def download(server: ScriptedServer) -> Any:
    return make_gateway(server).download_bill(day=DAY)


class TestDownloadBill:
    def test_reads_payments_and_refunds_to_the_fen(self, server: ScriptedServer) -> None:
        serve(server, packed(SUMMARY, table()))
        bill = download(server)
        assert (bill.channel, bill.day) == (Channel.ALIPAY, DAY)
        payment, back = bill.rows
        assert (payment.kind, payment.amount_fen, payment.fee_fen) == (BillRowKind.PAYMENT, 1050, 6)
        assert (payment.transaction_no, payment.out_trade_no) == (TRADE_NO, NUMBER)
        assert payment.at == datetime(2026, 11, 20, 11, 59, 58, tzinfo=UTC)
        assert (back.kind, back.amount_fen, back.fee_fen) == (BillRowKind.REFUND, 50, -1)
        assert (payment.out_refund_no, back.out_refund_no) == (None, REFUND_NUMBER)
        wish = asked_for(server.asked[0])["biz_content"]
        assert wish == '{"bill_type":"trade","bill_date":"2026-11-20"}'

    def test_a_day_without_rows_is_an_empty_bill(self, server: ScriptedServer) -> None:
        tail = (TAIL[0], "#交易合计：0笔，商家实收共0.00元", "#退款合计：0笔，商家实收退款共0.00元")
        serve(server, packed(table((), tail), SUMMARY))
        assert download(server).rows == ()

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"not a zip",
            packed(table())[:-30],
            packed(),
            packed(SUMMARY),
            packed(table(tail=TAIL[:1])),
            packed(table(tail=(TAIL[0], TAIL[1].replace("1笔", "2笔"), *TAIL[2:]))),
            packed(table(tail=(TAIL[0], TAIL[1].replace("10.50", "10.51"), *TAIL[2:]))),
            packed(table(rows=(PAYMENT,))),
            packed(table(rows=(PAYMENT.replace(",10.50", ",10.505"), REFUND))),
            packed(table(rows=(PAYMENT.replace(",10.50", ",10.50元"), REFUND))),
            packed(table(rows=(PAYMENT.replace("交易", "转账"), REFUND))),
            packed(table(rows=(PAYMENT + ",", REFUND))),
            packed(table(rows=(PAYMENT.replace("2026-11-20 19:59:58", "soon"), REFUND))),
            packed(table().replace("服务费（元）", "服务费")),
            packed(table(rows=(PAYMENT.replace(",10.50,10.50", ",0.00,10.50"), REFUND))),
            packed(table(rows=(PAYMENT.replace('100元"', "100元"), REFUND))),
            packed(table().encode()),
            packed(*[SUMMARY] * 17, table()),
        ],
    )
    def test_a105_a106_a_bill_that_is_not_whole_is_an_unknown_result(
        self, server: ScriptedServer, raw: bytes
    ) -> None:
        serve(server, raw)
        with pytest.raises(ResultUnknown) as unknown:
            download(server)
        assert unknown.value.code == "BILL_FORM"

    def test_no_changed_byte_is_an_error_of_another_kind(self) -> None:
        raw = packed(SUMMARY, table())
        for at in range(len(raw)):
            changed = raw[:at] + bytes([raw[at] ^ 0xFF]) + raw[at + 1 :]
            try:
                assert alipay_bills.read_rows(alipay_bills.detail_in(changed))
            except ValueError:
                continue

    def test_other_refusals_are_refusals(self, server: ScriptedServer) -> None:
        server.answer = signed(failed("isv.invalid-parameter", code="40002"))
        with pytest.raises(Refused):
            download(server)

    def test_a_silent_file_server_is_an_unknown_result(self, server: ScriptedServer) -> None:
        def answer(asked: Asked) -> Answer:
            if "/file" in asked.target:
                return Answer(send=lambda handler: setattr(handler, "close_connection", True))
            return signed(ok(bill_download_url=f"{server.url}/file?token=1"))(asked)

        server.answer = answer
        with pytest.raises(ResultUnknown):
            download(server)

    def test_a83_a_bomb_is_not_unpacked(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(alipay_bills, "MOST_BYTES", 1_000_000)
        serve(server, packed(b"0" * 3_000_000, table()))
        with pytest.raises(ResultUnknown, match="too large"):
            download(server)
        serve(server, packed(*[b"0" * 300_000] * 4, table()))
        with pytest.raises(ResultUnknown, match="too large"):
            download(server)

    @pytest.mark.parametrize(
        "url",
        [
            "http://evil.example/file",
            "https://alipay.com.evil.example/file",
            "https://evilalipay.com/file",
            "file:///etc/passwd",
            "ftp://127.0.0.1/file",
            "http://127.0.0.1:1/file",
            "https://dwbillcenter.alipay.com@evil.example/file",
            "",
            "file",
        ],
    )
    def test_a_bill_elsewhere_is_never_asked_for(self, server: ScriptedServer, url: str) -> None:
        serve(server, packed(table()), url=url or "none")
        with pytest.raises(ResultUnknown) as unknown:
            download(server)
        assert unknown.value.code == "BILL_URL"

    def test_alipays_own_host_is_asked_by_tls(self) -> None:
        told = "http://dwbillcenter.alipay.com/downloadBillFile.resource?a=1"
        url = alipay_bills.trusted(told, "https://openapi.alipay.com/")
        assert url == "https://dwbillcenter.alipay.com/downloadBillFile.resource?a=1"

    @pytest.mark.parametrize("sub_code", ["isp.bill_not_exist", "BILL_NOT_EXIST"])
    def test_no_bill_yet(self, server: ScriptedServer, sub_code: str) -> None:
        server.answer = signed(failed(sub_code))
        with pytest.raises(BillMissing):
            download(server)

    def test_a_file_that_is_gone_is_an_unknown_result(self, server: ScriptedServer) -> None:
        serve(server, b"", status=404)
        with pytest.raises(ResultUnknown):
            download(server)
