"""Alipay's answers in the shop's words, held to what was asked."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kit.money import Fen
from shop.payments.alipay import AlipayGateway
from shop.payments.gateway import (
    AlreadyClosed,
    AlreadyPaid,
    Busy,
    Channel,
    GatewayError,
    RefundState,
    Refused,
    ResultUnknown,
    TradeState,
)
from tests.doubles.alipay import (
    APP_ID,
    NUMBER,
    OPEN_ID,
    REFUND_NUMBER,
    SELLER_ID,
    TRADE_NO,
    asked_for,
    failed,
    make_gateway,
    ok,
    signed,
)
from tests.doubles.http import Answer, Asked, ScriptedServer

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SUB_CODES = json.loads(
    (Path(__file__).parents[2] / "vectors/alipay_sub_codes.json").read_text(encoding="utf-8")
)
CREATED = ok(out_trade_no=NUMBER, trade_no=TRADE_NO)
QUERIED = ok(
    out_trade_no=NUMBER,
    trade_no=TRADE_NO,
    trade_status="TRADE_SUCCESS",
    total_amount="10.50",
    buyer_pay_amount="10.00",
    buyer_open_id=OPEN_ID,
    send_pay_date="2026-11-20 19:59:58",
)


def prepay(gateway: AlipayGateway) -> Any:
    return gateway.prepay(
        out_trade_no=NUMBER,
        amount_fen=Fen(1050),
        description="团卡 京东E卡",
        payer_ref=OPEN_ID,
        expires_at=NOW,
        now=NOW,
    )


def refund(gateway: AlipayGateway, *, refund_fen: int = 50, total_fen: int = 1050) -> Any:
    return gateway.refund(
        out_trade_no=NUMBER,
        out_refund_no=REFUND_NUMBER,
        refund_fen=Fen(refund_fen),
        total_fen=Fen(total_fen),
        reason="member",
    )


def by_method(server: ScriptedServer, **nodes: Any) -> None:
    """Answer each call by the last part of its method's name."""

    def answer(asked: Asked) -> Answer:
        last = asked_for(asked)["method"].rpartition(".")[2]
        return signed(nodes[last])(asked)

    server.answer = answer


class TestPrepay:
    def test_asks_in_yuan_text_and_gives_the_trade_number(self, server: ScriptedServer) -> None:
        server.answer = signed(CREATED)
        made = prepay(make_gateway(server))
        assert (made.platform_ref, made.params) == (TRADE_NO, {"tradeNO": TRADE_NO})
        assert json.loads(asked_for(server.asked[0])["biz_content"]) == {
            "out_trade_no": NUMBER,
            "total_amount": "10.50",
            "subject": "团卡 京东E卡",
            "product_code": "JSAPI_PAY",
            "op_app_id": APP_ID,
            "buyer_open_id": OPEN_ID,
            "time_expire": "2026-11-20 20:01:30",
        }

    @pytest.mark.parametrize(
        ("node", "kind"),
        [
            (failed("ACQ.TRADE_HAS_SUCCESS"), AlreadyPaid),
            (failed("ACQ.TRADE_HAS_CLOSE"), AlreadyClosed),
            (failed("ACQ.CONTEXT_INCONSISTENT"), Refused),
            (failed("ACQ.TRADE_BUYER_NOT_MATCH"), Refused),
            (failed("ACQ.SYSTEM_ERROR"), ResultUnknown),
            (failed("isp.unknow-error", code="20000"), ResultUnknown),
            (failed("aop.unknow-error", code="20000"), ResultUnknown),
            (failed("isv.app-call-limited", code="40002"), Busy),
            (failed("ACQ.FREQUENCY_LIMITED"), Busy),
            (failed("isv.insufficient-isv-permissions", code="40006"), Refused),
            (ok(out_trade_no=NUMBER), ResultUnknown),
            (ok(trade_no=TRADE_NO), ResultUnknown),
            (ok(out_trade_no=NUMBER + "X", trade_no=TRADE_NO), ResultUnknown),
        ],
    )
    def test_names_what_went_wrong(
        self, server: ScriptedServer, node: Any, kind: type[Exception]
    ) -> None:
        server.answer = signed(node)
        with pytest.raises(kind) as failure:
            prepay(make_gateway(server))
        assert type(failure.value) is kind
        assert len(server.asked) == 1, "a write is never repeated by the gateway"

    @pytest.mark.parametrize("sub_code", SUB_CODES["alipay.trade.create"])
    def test_every_official_sub_code_is_a_gateway_error(
        self, server: ScriptedServer, sub_code: str
    ) -> None:
        server.answer = signed(failed(sub_code))
        with pytest.raises(GatewayError) as failure:
            prepay(make_gateway(server))
        assert failure.value.code == sub_code


class TestQuery:
    def test_tells_of_a_paid_trade(self, server: ScriptedServer) -> None:
        server.answer = signed(QUERIED)
        told = make_gateway(server).query(out_trade_no=NUMBER)
        assert told.channel is Channel.ALIPAY
        assert (told.app_id, told.merchant_id, told.out_trade_no) == (APP_ID, SELLER_ID, NUMBER)
        assert (told.state, told.total_fen, told.currency) == (TradeState.PAID, 1050, "CNY")
        assert (told.transaction_no, told.payer_ref) == (TRADE_NO, OPEN_ID)
        assert told.paid_at == datetime(2026, 11, 20, 11, 59, 58, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("changes", "state"),
        [
            ({"trade_status": "TRADE_FINISHED"}, TradeState.PAID),
            ({"trade_status": "TRADE_CLOSED"}, TradeState.REFUNDED),
            ({"trade_status": "TRADE_CLOSED", "send_pay_date": None}, TradeState.CLOSED),
            ({"trade_status": "WAIT_BUYER_PAY", "send_pay_date": None}, TradeState.NOT_PAID),
        ],
    )
    def test_a16_knows_every_state(
        self, server: ScriptedServer, changes: dict[str, Any], state: TradeState
    ) -> None:
        server.answer = signed(QUERIED | changes)
        told = make_gateway(server).query(out_trade_no=NUMBER)
        assert told.state is state
        is_paid = state in (TradeState.PAID, TradeState.REFUNDED)
        assert (told.transaction_no is not None) is is_paid

    def test_a_trade_nobody_knows_is_missing(self, server: ScriptedServer) -> None:
        server.answer = signed(failed("ACQ.TRADE_NOT_EXIST"))
        assert make_gateway(server).query(out_trade_no=NUMBER).state is TradeState.MISSING

    def test_asks_once_more_when_the_first_answer_was_lost(self, server: ScriptedServer) -> None:
        nodes = [failed("ACQ.SYSTEM_ERROR"), QUERIED]

        def answer(asked: Asked) -> Answer:
            return signed(nodes.pop(0))(asked)

        server.answer = answer
        assert make_gateway(server).query(out_trade_no=NUMBER).state is TradeState.PAID

    def test_other_refusals_are_refusals(self, server: ScriptedServer) -> None:
        server.answer = signed(failed("ACQ.INVALID_PARAMETER"))
        gateway = make_gateway(server)
        for call in (
            lambda: gateway.query(out_trade_no=NUMBER),
            lambda: gateway.close(out_trade_no=NUMBER),
            lambda: gateway.query_refund(out_trade_no=NUMBER, out_refund_no=NUMBER),
        ):
            with pytest.raises(Refused):
                call()


class TestClose:
    @pytest.mark.parametrize(
        "node", [CREATED, failed("ACQ.TRADE_NOT_EXIST"), failed("ACQ.TRADE_HAS_CLOSE")]
    )
    def test_an_unpaid_or_unknown_trade_is_closed(self, server: ScriptedServer, node: Any) -> None:
        server.answer = signed(node)
        make_gateway(server).close(out_trade_no=NUMBER)

    @pytest.mark.parametrize(
        "sub_code",
        ["ACQ.REASON_TRADE_STATUS_INVALID", "ACQ.REASON_ILLEGAL_STATUS", "ACQ.TRADE_STATUS_ERROR"],
    )
    def test_when_it_is_not_waiting_a_query_tells_why(
        self, server: ScriptedServer, sub_code: str
    ) -> None:
        gateway = make_gateway(server)
        closed = QUERIED | {"trade_status": "TRADE_CLOSED", "send_pay_date": None}
        by_method(server, close=failed(sub_code), query=closed)
        gateway.close(out_trade_no=NUMBER)
        by_method(server, close=failed(sub_code), query=QUERIED)
        with pytest.raises(AlreadyPaid):
            gateway.close(out_trade_no=NUMBER)
        waiting = QUERIED | {"trade_status": "WAIT_BUYER_PAY", "send_pay_date": None}
        by_method(server, close=failed(sub_code), query=waiting)
        with pytest.raises(ResultUnknown):
            gateway.close(out_trade_no=NUMBER)


class TestRefund:
    def test_is_done_only_when_the_funds_have_changed(self, server: ScriptedServer) -> None:
        done = ok(
            out_trade_no=NUMBER,
            trade_no=TRADE_NO,
            fund_change="Y",
            refund_fee="0.50",
            gmt_refund_pay="2026-11-20 20:10:00",
        )
        server.answer = signed(done)
        result = refund(make_gateway(server))
        assert (result.state, result.amount_fen) == (RefundState.DONE, 50)
        assert result.finished_at == datetime(2026, 11, 20, 12, 10, tzinfo=UTC)
        for unchanged in ({"fund_change": "N"}, {"fund_change": None}):
            server.answer = signed(done | unchanged)
            assert refund(make_gateway(server)).state is RefundState.PROCESSING

    def test_a_second_part_is_told_by_a_query_since_the_sum_hides_it(
        self, server: ScriptedServer
    ) -> None:
        both = ok(out_trade_no=NUMBER, fund_change="Y", refund_fee="1.50")
        this = ok(
            out_trade_no=NUMBER,
            out_request_no=REFUND_NUMBER,
            refund_status="REFUND_SUCCESS",
            refund_amount="0.50",
            total_amount="10.50",
        )
        by_method(server, refund=both, query=this)
        result = refund(make_gateway(server))
        assert (result.state, result.amount_fen) == (RefundState.DONE, 50)
        by_method(server, refund=both, query=this | {"refund_amount": "0.51"})
        with pytest.raises(ResultUnknown):
            refund(make_gateway(server))

    @pytest.mark.parametrize("fee", ["0.49", "10.51", "0.00", "x", 0.5, None])
    def test_a29_a_sum_that_cannot_be_is_an_unknown_result(
        self, server: ScriptedServer, fee: Any
    ) -> None:
        server.answer = signed(ok(out_trade_no=NUMBER, fund_change="Y", refund_fee=fee))
        with pytest.raises(ResultUnknown):
            refund(make_gateway(server))

    @pytest.mark.parametrize("sub_code", SUB_CODES["alipay.trade.refund"])
    def test_every_official_sub_code_is_a_gateway_error(
        self, server: ScriptedServer, sub_code: str
    ) -> None:
        server.answer = signed(failed(sub_code))
        with pytest.raises(GatewayError) as failure:
            refund(make_gateway(server))
        is_unsure = sub_code in ("ACQ.SYSTEM_ERROR", "ACQ.TRADE_SETTLE_ERROR")
        assert isinstance(failure.value, ResultUnknown) is is_unsure


class TestQueryRefund:
    def test_tells_of_a_finished_refund(self, server: ScriptedServer) -> None:
        node = ok(
            out_trade_no=NUMBER,
            out_request_no=REFUND_NUMBER,
            refund_status="REFUND_SUCCESS",
            refund_amount="0.50",
            gmt_refund_pay="2026-11-20 20:10:00",
        )
        server.answer = signed(node)
        gateway = make_gateway(server)
        result = gateway.query_refund(out_trade_no=NUMBER, out_refund_no=REFUND_NUMBER)
        assert (result.state, result.amount_fen) == (RefundState.DONE, 50)
        for changes in (
            {"out_request_no": "R20261120ABCDEFGHJKLMX"},
            {"out_trade_no": "T20261120ABCDEFGHJKLMX"},
            {"refund_status": "REFUND_PROCESSING"},
            {"refund_amount": None},
        ):
            server.answer = signed(node | changes)
            with pytest.raises(ResultUnknown):
                gateway.query_refund(out_trade_no=NUMBER, out_refund_no=REFUND_NUMBER)

    def test_a_trade_nobody_knows_has_no_refund(self, server: ScriptedServer) -> None:
        server.answer = signed(failed("ACQ.TRADE_NOT_EXIST"))
        result = make_gateway(server).query_refund(out_trade_no=NUMBER, out_refund_no=REFUND_NUMBER)
        assert result.state is RefundState.MISSING
