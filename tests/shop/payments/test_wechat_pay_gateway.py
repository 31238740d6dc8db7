"""WeChat Pay's answers and notices in the shop's words, held to what was asked."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from kit.money import Fen
from shop.payments.gateway import (
    AlreadyClosed,
    AlreadyPaid,
    Busy,
    Channel,
    RefundState,
    Refused,
    ResultUnknown,
    TradeState,
)
from shop.payments.wechat_pay import WechatPayGateway
from tests.doubles.http import Answer, Asked, ScriptedServer
from tests.doubles.keys import public_text
from tests.doubles.wechat_pay import (
    APP_ID,
    KEY_ID,
    MCH_ID,
    NUMBER,
    OPENID,
    make_gateway,
    refund,
    refused,
    signed,
    trade,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
REFUND_NUMBER = "R20261120ABCDEFGHJKLMN"
DAY = date(2026, 11, 20)


def prepay(gateway: WechatPayGateway, **changes: Any) -> Any:
    wish = {
        "out_trade_no": NUMBER,
        "amount_fen": Fen(1050),
        "description": "团卡 京东E卡",
        "payer_ref": OPENID,
        "expires_at": NOW,
        "now": NOW,
    }
    return gateway.prepay(**(wish | changes))


def ask_refund(gateway: WechatPayGateway) -> Any:
    return gateway.refund(
        out_trade_no=NUMBER,
        out_refund_no=REFUND_NUMBER,
        refund_fen=Fen(50),
        total_fen=Fen(1050),
        reason="member",
    )


class TestPrepay:
    def test_asks_for_whole_fen_and_signs_for_the_mini_program(
        self, server: ScriptedServer
    ) -> None:
        server.answer = signed({"prepay_id": "wx201"})
        made = prepay(make_gateway(server))
        assert json.loads(server.asked[0].body) == {
            "notify_url": "https://shop.example/callbacks/wechat-pay",
            "description": "团卡 京东E卡",
            "out_trade_no": NUMBER,
            "amount": {"total": 1050, "currency": "CNY"},
            "payer": {"openid": OPENID},
            "time_expire": "2026-11-20T20:01:30+08:00",
            "appid": APP_ID,
            "mchid": MCH_ID,
        }
        assert made.platform_ref == "wx201"
        assert set(made.params) == {"timeStamp", "nonceStr", "package", "signType", "paySign"}
        assert made.params["package"] == "prepay_id=wx201"
        assert made.params["signType"] == "RSA"

    def test_a_repeat_is_the_same_request(self, server: ScriptedServer) -> None:
        server.answer = signed({"prepay_id": "wx201"})
        gateway = make_gateway(server)
        prepay(gateway)
        prepay(gateway, now=datetime(2026, 11, 20, 12, 5, tzinfo=UTC))
        assert server.asked[0].body == server.asked[1].body

    def test_cuts_the_description_to_what_fits(self, server: ScriptedServer) -> None:
        server.answer = signed({"prepay_id": "wx201"})
        prepay(make_gateway(server), description="团\n卡\x00\ud800" * 100)
        description = json.loads(server.asked[0].body)["description"]
        assert len(description.encode()) <= 127
        assert description.startswith("团 卡 团 卡")

    @pytest.mark.parametrize(
        ("answering", "kind"),
        [
            (refused(400, "ORDERPAID"), AlreadyPaid),
            (refused(400, "INVALID_REQUEST", number=268498689), AlreadyPaid),
            (refused(400, "INVALID_REQUEST", number=268449538), AlreadyPaid),
            (refused(400, "ORDER_CLOSED"), AlreadyClosed),
            (refused(400, "INVALID_REQUEST", number=268447914), AlreadyClosed),
            (refused(400, "INVALID_REQUEST", number=268498688), Refused),
            (refused(400, "PARAM_ERROR"), Refused),
            (refused(401, "SIGN_ERROR"), Refused),
            (refused(403, "OUT_TRADE_NO_USED"), Refused),
            (refused(429, "FREQUENCY_LIMITED"), Busy),
            (refused(429, "RATELIMIT_EXCEEDED"), Busy),
            (refused(400, "FREQUENCY_LIMITED"), Busy),
            (refused(500, "SYSTEM_ERROR"), ResultUnknown),
            (refused(400, "SYSTEM_ERROR"), ResultUnknown),
            (refused(500, "BANK_ERROR"), ResultUnknown),
            (refused(503, ""), ResultUnknown),
            (refused(404, ""), ResultUnknown),
            (signed({}), ResultUnknown),
            (signed({"prepay_id": ""}), ResultUnknown),
            (signed({"prepay_id": 5}), ResultUnknown),
        ],
    )
    def test_names_what_went_wrong(
        self, server: ScriptedServer, answering: Any, kind: type[Exception]
    ) -> None:
        server.answer = answering
        with pytest.raises(kind) as failure:
            prepay(make_gateway(server))
        assert type(failure.value) is kind
        assert len(server.asked) == 1, "a write is never repeated by the gateway"


class TestQuery:
    def test_tells_of_a_paid_trade(self, server: ScriptedServer) -> None:
        server.answer = signed(trade())
        told = make_gateway(server).query(out_trade_no=NUMBER)
        assert told.channel is Channel.WECHAT_PAY
        assert (told.app_id, told.merchant_id, told.out_trade_no) == (APP_ID, MCH_ID, NUMBER)
        assert told.state is TradeState.PAID
        assert told.transaction_no == "4200002026112012345678901234"
        assert (told.total_fen, told.currency, told.payer_ref) == (1050, "CNY", OPENID)
        assert told.paid_at == datetime(2026, 11, 20, 11, 59, 58, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("told", "state"),
        [
            ("SUCCESS", TradeState.PAID),
            ("REFUND", TradeState.REFUNDED),
            ("NOTPAY", TradeState.NOT_PAID),
            ("USERPAYING", TradeState.NOT_PAID),
            ("PAYERROR", TradeState.NOT_PAID),
            ("CLOSED", TradeState.CLOSED),
            ("REVOKED", TradeState.CLOSED),
        ],
    )
    def test_a16_knows_every_state(
        self, server: ScriptedServer, told: str, state: TradeState
    ) -> None:
        server.answer = signed(trade(trade_state=told))
        trade_told = make_gateway(server).query(out_trade_no=NUMBER)
        assert trade_told.state is state
        is_paid = state in (TradeState.PAID, TradeState.REFUNDED)
        assert (trade_told.transaction_no is not None) is is_paid

    def test_a_trade_nobody_knows_is_missing(self, server: ScriptedServer) -> None:
        server.answer = refused(404, "ORDER_NOT_EXIST")
        assert make_gateway(server).query(out_trade_no=NUMBER).state is TradeState.MISSING

    @pytest.mark.parametrize(
        "changes",
        [
            {"out_trade_no": "T20261120ABCDEFGHJKLMX"},
            {"mchid": "1600000002"},
            {"appid": "wx0000000000000000"},
            {"trade_state": "PENDING"},
            {"amount": {"total": 1050.0, "currency": "CNY"}},
            {"amount": {"total": "1050", "currency": "CNY"}},
            {"amount": {"total": True, "currency": "CNY"}},
            {"amount": {"total": 0, "currency": "CNY"}},
            {"amount": {"total": -1, "currency": "CNY"}},
            {"amount": None},
            {"payer": None},
            {"success_time": None},
            {"success_time": "2026-11-20 19:59:58"},
            {"transaction_id": None},
            {"transaction_id": "1\x00"},
        ],
    )
    def test_a29_an_answer_about_something_else_is_an_unknown_result(
        self, server: ScriptedServer, changes: dict[str, Any]
    ) -> None:
        server.answer = signed(trade(**changes))
        with pytest.raises(ResultUnknown):
            make_gateway(server).query(out_trade_no=NUMBER)

    def test_asks_once_more_when_the_first_answer_was_lost(self, server: ScriptedServer) -> None:
        answers = [refused(500, "SYSTEM_ERROR"), signed(trade())]

        def answer(asked: Asked) -> Answer:
            return answers.pop(0)(asked)

        server.answer = answer
        assert make_gateway(server).query(out_trade_no=NUMBER).state is TradeState.PAID

    def test_a30_a_second_pinned_key_is_accepted_and_an_old_one_is_not(
        self, server: ScriptedServer
    ) -> None:
        server.answer = signed(trade(), key_name="next", serial="PUB_KEY_ID_NEXT")
        both = {"PUB_KEY_ID_NEXT": public_text("next")}
        gateway = make_gateway(server, other_public_keys=both)
        assert gateway.query(out_trade_no=NUMBER).state is TradeState.PAID
        with pytest.raises(ResultUnknown):
            make_gateway(server).query(out_trade_no=NUMBER)
        server.answer = signed(trade(), key_name="next", serial=KEY_ID)
        with pytest.raises(ResultUnknown):
            gateway.query(out_trade_no=NUMBER)

    def test_other_refusals_are_refusals(self, server: ScriptedServer) -> None:
        server.answer = refused(404, "NOT_FOUND")
        gateway = make_gateway(server)
        for call in (
            lambda: gateway.query(out_trade_no=NUMBER),
            lambda: gateway.close(out_trade_no=NUMBER),
            lambda: gateway.query_refund(out_trade_no=NUMBER, out_refund_no=NUMBER),
        ):
            with pytest.raises(Refused):
                call()


class TestClose:
    def test_a_signed_204_and_a_closed_or_unknown_trade_are_success(
        self, server: ScriptedServer
    ) -> None:
        gateway = make_gateway(server)
        for answering in (
            signed(None),
            refused(400, "ORDER_CLOSED"),
            refused(404, "ORDER_NOT_EXIST"),
        ):
            server.answer = answering
            gateway.close(out_trade_no=NUMBER)
        assert json.loads(server.asked[0].body) == {"mchid": MCH_ID}

    def test_a_paid_trade_is_not_closed(self, server: ScriptedServer) -> None:
        server.answer = refused(400, "ORDERPAID", number=268449538)
        with pytest.raises(AlreadyPaid):
            make_gateway(server).close(out_trade_no=NUMBER)


class TestRefund:
    @pytest.mark.parametrize(
        ("told", "state"),
        [
            ("SUCCESS", RefundState.DONE),
            ("PROCESSING", RefundState.PROCESSING),
            ("ABNORMAL", RefundState.ABNORMAL),
            ("CLOSED", RefundState.CLOSED),
        ],
    )
    def test_a99_knows_every_state(
        self, server: ScriptedServer, told: str, state: RefundState
    ) -> None:
        server.answer = signed(refund(status=told))
        gateway = make_gateway(server)
        for result in (
            ask_refund(gateway),
            gateway.query_refund(out_trade_no=NUMBER, out_refund_no=REFUND_NUMBER),
        ):
            assert result.state is state
            assert result.amount_fen == 50
            assert (result.finished_at is not None) is (state is RefundState.DONE)

    @pytest.mark.parametrize(
        "changes",
        [
            {"out_trade_no": "T20261120ABCDEFGHJKLMX"},
            {"out_refund_no": "R20261120ABCDEFGHJKLMX"},
            {"amount": {"total": 1050, "refund": 51, "currency": "CNY"}},
            {"amount": {"total": 1051, "refund": 50, "currency": "CNY"}},
            {"amount": {"total": 1050, "refund": 50, "currency": "USD"}},
            {"amount": {"total": 1050, "refund": 50.0, "currency": "CNY"}},
            {"amount": {"total": 10, "refund": 50, "currency": "CNY"}},
            {"status": "DONE"},
        ],
    )
    def test_a29_an_answer_about_something_else_is_an_unknown_result(
        self, server: ScriptedServer, changes: dict[str, Any]
    ) -> None:
        server.answer = signed(refund(**changes))
        with pytest.raises(ResultUnknown):
            ask_refund(make_gateway(server))

    def test_a_refund_nobody_knows_is_missing(self, server: ScriptedServer) -> None:
        server.answer = refused(404, "RESOURCE_NOT_EXISTS")
        result = make_gateway(server).query_refund(out_trade_no=NUMBER, out_refund_no=REFUND_NUMBER)
        assert result.state is RefundState.MISSING
        with pytest.raises(Refused):
            ask_refund(make_gateway(server))
