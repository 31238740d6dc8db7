"""WeChat Pay's daily bill: whole and exact, or refused."""

import gzip
import hashlib
from datetime import UTC, date, datetime

import pytest

from shop.payments import wechat_pay_bills
from shop.payments.gateway import (
    BillMissing,
    BillRowKind,
    Channel,
    Refused,
    ResultUnknown,
)
from tests.doubles.http import Answer, Asked, ScriptedServer
from tests.doubles.wechat_pay import (
    APP_ID,
    MCH_ID,
    NUMBER,
    OPENID,
    make_gateway,
    refused,
    signed,
)

REFUND_NUMBER = "R20261120ABCDEFGHJKLMN"
DAY = date(2026, 11, 20)


BILL_NAMES = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,"
    "货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,"
    "商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
TOTAL_NAMES = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)
PAYMENT_ROW = (
    f"`2026-11-20 19:59:58,`{APP_ID},`{MCH_ID},`0,`,`4200002026112012345678901234,`{NUMBER},"
    f"`{OPENID},`JSAPI,`SUCCESS,`OTHERS,`CNY,`10.00,`0.50,`0,`0,`0.00,`0.00,`,`,`团卡,100元,`,`0.06000,`0.60%,"
    "`10.50,`0.00,`"
)
REFUND_ROW = (
    f"`2026-11-20 20:30:00,`{APP_ID},`{MCH_ID},`0,`,`4200002026112012345678901234,`{NUMBER},"
    f"`{OPENID},`JSAPI,`REFUND,`OTHERS,`CNY,`0.00,`0.00,`5030,`{REFUND_NUMBER},`0.50,"
    "`0.00,`ORIGINAL,`SUCCESS,"
    "`团卡,100元,`,`-0.00300,`0.60%,`0.00,`0.50,`"
)
TOTALS = "`2,`10.00,`0.50,`0.00,`0.05700,`10.50,`0.50"


def bill_text(*, rows: tuple[str, ...] = (PAYMENT_ROW, REFUND_ROW), totals: str = TOTALS) -> str:
    return "\ufeff" + "\r\n".join((BILL_NAMES, *rows, TOTAL_NAMES, totals)) + "\r\n"


class TestDownloadBill:
    def serve(
        self, server: ScriptedServer, text: str, *, digest: str | None = None, raw: bytes = b""
    ) -> None:
        content = text.encode()
        sha1 = digest or hashlib.sha1(content).hexdigest()
        url = f"{server.url}/wechat-pay/v3/billdownload/file?token=abc"

        def answer(asked: Asked) -> Answer:
            if "tradebill" in asked.target:
                told = {"hash_type": "SHA1", "hash_value": sha1, "download_url": url}
                return signed(told)(asked)
            return Answer(200, raw or gzip.compress(content))

        server.answer = answer

    def test_reads_payments_and_refunds_to_the_fen(self, server: ScriptedServer) -> None:
        self.serve(server, bill_text())
        bill = make_gateway(server).download_bill(day=DAY)
        assert (bill.channel, bill.day) == (Channel.WECHAT_PAY, DAY)
        payment, back = bill.rows
        assert (payment.kind, payment.amount_fen, payment.fee_fen) == (BillRowKind.PAYMENT, 1050, 6)
        assert payment.out_trade_no == NUMBER
        assert payment.out_refund_no is None
        assert payment.at == datetime(2026, 11, 20, 11, 59, 58, tzinfo=UTC)
        assert (back.kind, back.amount_fen, back.fee_fen) == (BillRowKind.REFUND, 50, 0)
        assert back.out_refund_no == REFUND_NUMBER
        assert "bill_date=2026-11-20&bill_type=ALL&tar_type=GZIP" in server.asked[0].target
        assert "Authorization" in server.asked[1].headers

    @pytest.mark.parametrize(
        "text",
        [
            bill_text(totals=TOTALS.replace("`2,", "`3,")),
            bill_text(totals=TOTALS.replace("0.05700", "0.05701")),
            bill_text(totals="`2,`10.00,`0.50,`0.00,`0.05700,`10.51,`0.50"),
            bill_text(totals="`2,`10.00,`0.50,`0.00,`0.05700,`10.50,`0.51"),
            bill_text(rows=(PAYMENT_ROW,)),
            bill_text(rows=(PAYMENT_ROW, REFUND_ROW.replace(MCH_ID, "1600000002"))),
            bill_text(rows=(PAYMENT_ROW.replace("`10.50", "`10.505"), REFUND_ROW)),
            bill_text(rows=(PAYMENT_ROW.replace("`CNY", "`USD"), REFUND_ROW)),
            bill_text(rows=(PAYMENT_ROW.replace("SUCCESS", "REVOKED"), REFUND_ROW)),
            bill_text(rows=(PAYMENT_ROW[:-2], REFUND_ROW)),
            bill_text(rows=(PAYMENT_ROW[1:], REFUND_ROW)),
            bill_text().replace("微信订单号", "订单号"),
            bill_text().replace("手续费总金额", "手续费"),
            bill_text(rows=(PAYMENT_ROW.replace("`10.50", "`0.00"), REFUND_ROW)),
            bill_text(
                rows=(PAYMENT_ROW.replace("`10.50", "`0.00"), REFUND_ROW),
                totals=TOTALS.replace("`10.50", "`0.00"),
            ),
            "",
            "a",
        ],
    )
    def test_a105_a106_a_bill_that_is_not_whole_is_an_unknown_result(
        self, server: ScriptedServer, text: str
    ) -> None:
        self.serve(server, text)
        with pytest.raises(ResultUnknown) as unknown:
            make_gateway(server).download_bill(day=DAY)
        assert unknown.value.code == "BILL_FORM"

    def test_trap_p12_the_hash_is_compared_over_the_unpacked_file(
        self, server: ScriptedServer
    ) -> None:
        self.serve(server, bill_text(), digest="0" * 40)
        with pytest.raises(ResultUnknown) as unknown:
            make_gateway(server).download_bill(day=DAY)
        assert unknown.value.code == "BILL_HASH"

    def test_a_file_that_is_no_gzip_is_an_unknown_result(self, server: ScriptedServer) -> None:
        for raw in (b"plain", gzip.compress(b"x" * 1000)[:-9]):
            self.serve(server, bill_text(), raw=raw)
            with pytest.raises(ResultUnknown):
                make_gateway(server).download_bill(day=DAY)

    def test_other_refusals_are_refusals(self, server: ScriptedServer) -> None:
        server.answer = refused(400, "INVALID_REQUEST")
        with pytest.raises(Refused):
            make_gateway(server).download_bill(day=DAY)

    def test_a83_a_bomb_is_not_unpacked(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(wechat_pay_bills, "MOST_BYTES", 10_000)
        self.serve(server, "x" * 10_001)
        with pytest.raises(ResultUnknown) as unknown:
            make_gateway(server).download_bill(day=DAY)
        assert unknown.value.code == "BILL_SIZE"

    @pytest.mark.parametrize("code", ["NO_STATEMENT_EXIST", "STATEMENT_CREATING"])
    def test_no_bill_yet(self, server: ScriptedServer, code: str) -> None:
        server.answer = refused(400, code)
        with pytest.raises(BillMissing):
            make_gateway(server).download_bill(day=DAY)
