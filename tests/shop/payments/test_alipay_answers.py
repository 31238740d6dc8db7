"""Alipay's answers: every odd one is a named failure, every lie an unknown result."""

import json
import time
from datetime import UTC, datetime

import pytest

from kit.alipay import AlipayNoAnswer
from kit.money import Fen
from shop.payments.gateway import (
    GatewayError,
    RefundState,
    ResultUnknown,
    TradeState,
)
from tests.doubles.alipay import (
    NUMBER,
    OPEN_ID,
    REFUND_NUMBER,
    TRADE_NO,
    asked_for,
    make_api,
    make_gateway,
    ok,
    sign,
    signed,
)
from tests.doubles.http import Answer, ScriptedServer
from tests.doubles.keys import certificate, key

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PAID = ok(
    out_trade_no=NUMBER,
    trade_no=TRADE_NO,
    trade_status="TRADE_SUCCESS",
    total_amount="10.50",
    buyer_open_id=OPEN_ID,
    send_pay_date="2026-11-20 19:59:58",
)


def prepay(server: ScriptedServer) -> object:
    return make_gateway(server).prepay(
        out_trade_no=NUMBER,
        amount_fen=Fen(1050),
        description="团卡 a/b=c&d\n\x00 元",
        payer_ref=OPEN_ID,
        expires_at=NOW,
        now=NOW,
    )


def test_every_failure_is_a_gateway_error(server: ScriptedServer) -> None:
    gateway = make_gateway(server)
    hostile = [
        Answer(200, b"<html>"),
        Answer(502, b"<html>"),
        Answer(200, b"\xff"),
        Answer(200, b"{}"),
        Answer(200, b"[" * 50_000),
        Answer(200, b'{"a":' + b"[" * 50_000),
        Answer(200, b'{"alipay_trade_query_response":1,"sign":"x"}'),
        Answer(200, b'{"alipay_trade_query_response":null}'),
        Answer(200, b'{"alipay_trade_query_response":{},"sign":1,"alipay_cert_sn":{}}'),
    ]
    for answer in hostile:
        server.answer = lambda _, answer=answer: answer
        with pytest.raises(GatewayError):
            gateway.query(out_trade_no=NUMBER)
        with pytest.raises(GatewayError):
            gateway.download_bill(day=NOW.date())


def test_a_signed_answer_of_another_form_leaves_the_result_unknown(server: ScriptedServer) -> None:
    gateway = make_gateway(server)
    for changed in (
        {"total_amount": 10.5},
        {"total_amount": "10.505"},
        {"total_amount": "-10.50"},
        {"total_amount": "1e3"},
        {"total_amount": "１０.５０"},
        {"total_amount": "0.00"},
        {"out_trade_no": NUMBER + "X"},
        {"trade_status": "TRADE_PENDING"},
        {"trade_no": ""},
        {"send_pay_date": "yesterday"},
        {"send_pay_date": None},
        {"code": None},
    ):
        server.answer = signed(PAID | changed)
        with pytest.raises(ResultUnknown):
            gateway.query(out_trade_no=NUMBER)


def test_the_subject_has_none_of_the_characters_alipay_refuses(server: ScriptedServer) -> None:
    server.answer = signed(ok(out_trade_no=NUMBER, trade_no=TRADE_NO))
    prepay(server)
    content = json.loads(asked_for(server.asked[0])["biz_content"])
    assert content["subject"] == "团卡 a b c d 元"
    assert content["total_amount"] == "10.50"
    assert content["time_expire"] == "2026-11-20 20:01:30"


def test_keys_of_others_verify_nothing(server: ScriptedServer) -> None:
    stranger = make_api(server, alipay_cert_pem=certificate(key("stranger").public_key(), serial=5))
    assert not stranger.is_signed("text", sign("text"))


def test_a_refund_query_without_a_status_tells_of_no_refund(server: ScriptedServer) -> None:
    server.answer = signed(ok())
    result = make_gateway(server).query_refund(out_trade_no=NUMBER, out_refund_no=REFUND_NUMBER)
    assert result.state is RefundState.MISSING


def test_trap_no_pool_connections_are_kept(server: ScriptedServer) -> None:
    server.answer = signed(PAID)
    gateway = make_gateway(server)
    for _ in range(5):
        assert gateway.query(out_trade_no=NUMBER).state is TradeState.PAID
    assert len({asked.peer for asked in server.asked}) == 1


def test_trap_no_timeout_and_env_proxies(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.answer = lambda _: Answer(send=lambda _: time.sleep(1))
    api = make_api(server, timeout_seconds=0.2)
    started = time.monotonic()
    with pytest.raises(AlipayNoAnswer):
        api.call("alipay.trade.close")
    assert time.monotonic() - started < 0.9
    assert len(server.asked) == 1
