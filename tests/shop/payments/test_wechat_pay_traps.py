"""Each trap of wechatpayv3 that our calls touch, and the proof that it does not bite."""

import base64
import logging
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from kit.money import Fen
from kit.rsa_keys import BadKey
from shop.payments.gateway import (
    GatewayError,
    NoticeRejected,
    Refused,
    ResultUnknown,
    TradeState,
)
from shop.payments.wechat_pay_client import MerchantKeys
from tests.doubles.http import Answer, ScriptedServer
from tests.doubles.keys import key, pkcs1_text, private_text
from tests.doubles.wechat_pay import (
    API_V3_KEY,
    NUMBER,
    OPENID,
    make_gateway,
    notice,
    refund,
    refused,
    signature_headers,
    signed,
    trade,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[3]


def test_trap_p1_a_genuine_notice_is_refused_outside_five_minutes(server: ScriptedServer) -> None:
    gateway = make_gateway(server)
    headers, body = notice(trade(), at=NOW)
    for seconds in (301, -301, 86_400, 12 * 365 * 86_400):
        with pytest.raises(NoticeRejected, match="stale"):
            gateway.read_notice(headers=headers, body=body, now=NOW + timedelta(seconds=seconds))
    for seconds in (300, -300, 0):
        gateway.read_notice(headers=headers, body=body, now=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("serial", ["7A" * 20, "PUB_KEY_ID_0", "", "zz", "0x1", "名"])
def test_trap_p2_unknown_serial_makes_no_call(server: ScriptedServer, serial: str) -> None:
    gateway = make_gateway(server)
    headers, body = notice(trade(), at=NOW, serial=serial)
    with pytest.raises(NoticeRejected, match=r"unknown_serial|unsigned"):
        gateway.read_notice(headers=headers, body=body, now=NOW)
    assert server.asked == []


def test_trap_p2_unknown_serial_of_an_answer_makes_no_call(server: ScriptedServer) -> None:
    server.answer = signed(trade(), serial="7A" * 20)
    with pytest.raises(ResultUnknown):
        make_gateway(server).query(out_trade_no=NUMBER)
    assert {asked.target for asked in server.asked} == {
        f"/wechat-pay/v3/pay/transactions/out-trade-no/{NUMBER}?mchid=1600000001"
    }


def test_trap_p3_an_answer_without_signature_type_leaves_the_result_unknown(
    server: ScriptedServer,
) -> None:
    gateway = make_gateway(server)
    server.answer = signed(None, without=("Wechatpay-Signature-Type",))
    with pytest.raises(ResultUnknown):
        gateway.close(out_trade_no=NUMBER)
    headers, body = notice(trade(), at=NOW, without=("Wechatpay-Signature-Type",))
    with pytest.raises(NoticeRejected, match="algorithm"):
        gateway.read_notice(headers=headers, body=body, now=NOW)


def test_trap_p4_bad_signature_and_probe_are_refused_not_none(server: ScriptedServer) -> None:
    gateway = make_gateway(server)
    headers, body = notice(trade(), at=NOW, key_name="stranger")
    with pytest.raises(NoticeRejected) as rejected:
        gateway.read_notice(headers=headers, body=body, now=NOW)
    assert rejected.value.reason == "bad_signature"
    headers, body = notice(trade(), at=NOW, signature="WECHATPAY/SIGNTEST/abc")
    with pytest.raises(NoticeRejected) as rejected:
        gateway.read_notice(headers=headers, body=body, now=NOW)
    assert rejected.value.reason == "probe"


def test_trap_p5_bad_signature_of_a_2xx_is_an_unknown_result(server: ScriptedServer) -> None:
    gateway = make_gateway(server)
    server.answer = signed({"prepay_id": "wx1"}, key_name="stranger")
    with pytest.raises(ResultUnknown) as unknown:
        gateway.prepay(
            out_trade_no=NUMBER,
            amount_fen=Fen(1),
            description="卡",
            payer_ref=OPENID,
            expires_at=NOW,
            now=NOW,
        )
    assert unknown.value.code == "BAD_SIGNATURE"


def test_trap_p5_an_error_that_carries_a_signature_must_carry_a_true_one(
    server: ScriptedServer,
) -> None:
    body = b'{"code":"ORDERPAID","message":"..."}'
    forged = signature_headers(body, key_name="stranger")
    server.answer = lambda _: Answer(400, body, forged)
    with pytest.raises(ResultUnknown):
        make_gateway(server).close(out_trade_no=NUMBER)


@pytest.mark.parametrize("number", ["T|0000001", "T 0000001", "T团0000001", "T/../000001", "T-1"])
def test_trap_p6_odd_numbers_are_refused_before_any_call(
    server: ScriptedServer, number: str
) -> None:
    gateway = make_gateway(server)
    with pytest.raises(Refused):
        gateway.query(out_trade_no=number)
    with pytest.raises(Refused):
        gateway.close(out_trade_no=number)
    with pytest.raises(Refused):
        gateway.query_refund(out_trade_no=NUMBER, out_refund_no=number)
    assert server.asked == []


def test_trap_p7_a_refund_names_its_own_notify_url(server: ScriptedServer) -> None:
    server.answer = signed(refund(status="PROCESSING", success_time=None))
    make_gateway(server).refund(
        out_trade_no=NUMBER,
        out_refund_no="R20261120ABCDEFGHJKLMN",
        refund_fen=Fen(50),
        total_fen=Fen(1050),
        reason="member",
    )
    assert b'"notify_url":"https://shop.example/callbacks/wechat-pay/refunds"' in (
        server.asked[0].body
    )


def test_trap_p11_pkcs1_keys_are_taken_and_sign_the_same(server: ScriptedServer) -> None:
    pem = pkcs1_text("merchant")
    assert pem.startswith("-----BEGIN RSA PRIVATE KEY-----")
    server.answer = signed(trade())
    old_form = make_gateway(server, merchant_private_key_pem=pem)
    assert old_form.query(out_trade_no=NUMBER).state is TradeState.PAID
    new_form = make_gateway(server)
    assert old_form._client.sign(["a"]) == new_form._client.sign(["a"])
    with pytest.raises(BadKey) as bad:
        make_gateway(server, merchant_private_key_pem="-----BEGIN RSA PRIVATE KEY-----\nsecret")
    assert "secret" not in str(bad.value)


def test_trap_p12_a_bill_elsewhere_is_never_asked_for(server: ScriptedServer) -> None:
    for url in (
        "https://evil.example/v3/billdownload/file?token=1",
        f"{server.url}.evil.example/wechat-pay/v3/billdownload/file?token=1",
        "/v3/billdownload/file?token=1",
    ):
        server.asked.clear()
        server.answer = signed({"hash_type": "SHA1", "hash_value": "0", "download_url": url})
        with pytest.raises(ResultUnknown) as unknown:
            make_gateway(server).download_bill(day=NOW.date())
        assert unknown.value.code == "BILL_URL"
        assert all("tradebill" in asked.target for asked in server.asked)


def test_trap_p13_nothing_secret_is_logged_even_at_debug(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("wechatpayv3").setLevel(logging.DEBUG)
    server.answer = signed(trade())
    gateway = make_gateway(server)
    gateway.query(out_trade_no=NUMBER)
    headers, body = notice(trade(), at=NOW)
    gateway.read_notice(headers=headers, body=body, now=NOW)
    assert "Authorization" in server.asked[0].headers
    for secret in ("WECHATPAY2", OPENID, API_V3_KEY, "4200002026112012345678901234"):
        assert secret not in caplog.text


def test_trap_the_library_signs_ascii_json_and_sends_what_it_signed(server: ScriptedServer) -> None:
    """What is signed is made once: the server could verify it over the bytes it got."""
    server.answer = signed({"prepay_id": "wx1"})
    make_gateway(server).prepay(
        out_trade_no=NUMBER,
        amount_fen=Fen(1050),
        description='团卡 "100" 元\\',
        payer_ref=OPENID,
        expires_at=NOW,
        now=NOW,
    )
    asked = server.asked[0]
    parts = dict(re.findall(r'(\w+)="([^"]*)"', asked.headers["Authorization"]))
    path = unquote(asked.target).removeprefix("/wechat-pay")
    message = f"POST\n{path}\n{parts['timestamp']}\n{parts['nonce_str']}\n".encode()
    key("merchant").public_key().verify(
        base64.b64decode(parts["signature"]), message + asked.body + b"\n", PKCS1v15(), SHA256()
    )


def test_trap_no_pool_connections_are_kept(server: ScriptedServer) -> None:
    server.answer = signed(trade())
    gateway = make_gateway(server)
    for _ in range(5):
        gateway.query(out_trade_no=NUMBER)
    assert len({asked.peer for asked in server.asked}) == 1


def test_trap_no_timeout_a_silent_platform_ends_the_call(server: ScriptedServer) -> None:
    def silent(handler: object) -> None:
        time.sleep(1)

    server.answer = lambda _: Answer(send=silent)
    gateway = make_gateway(server, timeout_seconds=0.2)
    started = time.monotonic()
    with pytest.raises(ResultUnknown):
        gateway.close(out_trade_no=NUMBER)
    assert time.monotonic() - started < 0.9


def test_trap_proxies_of_the_environment_are_not_used(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.answer = signed(trade())
    assert make_gateway(server).query(out_trade_no=NUMBER).state is TradeState.PAID


def test_trap_a13_the_crypto_libraries_are_pinned() -> None:
    pinned = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    for name in ("pyopenssl", "cryptography", "wechatpayv3", "python-alipay-sdk", "wechatpy"):
        assert f"\n{name}" in "\n" + pinned
    assert "python-alipay-sdk==3.4.0" in pinned


def test_every_failure_is_a_gateway_error(server: ScriptedServer) -> None:
    gateway = make_gateway(server, timeout_seconds=0.3)
    hostile = [
        Answer(200, b"not json", signature_headers(b"not json")),
        Answer(200, b"[]", signature_headers(b"[]")),
        Answer(200, b'"x"', signature_headers(b'"x"')),
        Answer(200, b"[" * 100_000, signature_headers(b"[" * 100_000)),
        Answer(200, b"\xff\xfe", signature_headers(b"\xff\xfe")),
        Answer(302, b"", {"Location": f"{server.url}/elsewhere"}),
        Answer(404, b"<html>", {"Content-Type": "text/html"}),
        Answer(418, b"{}"),
    ]
    for answer in hostile:
        server.answer = lambda _, answer=answer: answer
        for call in (
            lambda: gateway.query(out_trade_no=NUMBER),
            lambda: gateway.query_refund(out_trade_no=NUMBER, out_refund_no=NUMBER),
            lambda: gateway.download_bill(day=NOW.date()),
        ):
            with pytest.raises(GatewayError):
                call()


def test_refused_answers_keep_the_platforms_code(server: ScriptedServer) -> None:
    server.answer = refused(403, "NOT_ENOUGH")
    with pytest.raises(Refused) as failure:
        make_gateway(server).refund(
            out_trade_no=NUMBER,
            out_refund_no=NUMBER,
            refund_fen=Fen(1),
            total_fen=Fen(2),
            reason="x",
        )
    assert failure.value.code == "NOT_ENOUGH"
    assert private_text("merchant") not in repr(failure.value)


def test_keys_do_not_show_themselves() -> None:
    keys = MerchantKeys("wx1", "1", "2", private_text("merchant"), API_V3_KEY, {})
    assert "PRIVATE KEY" not in repr(keys)
    assert API_V3_KEY not in repr(keys)
