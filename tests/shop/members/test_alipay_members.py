"""Sign-in and phone number at Alipay."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from shop.members.alipay import AlipayMembers
from shop.members.platforms import CodeRefused, PlatformUnavailable
from tests.doubles.alipay import APP_ID, OPEN_ID, asked_for, failed, make_api, sign, signed
from tests.doubles.http import Answer, ScriptedServer

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
AES_KEY = base64.b64encode(b"0123456789abcdef").decode()


def seal(content: Any, *, raw: bytes | None = None) -> str:
    text = json.dumps(content).encode() if raw is None else raw
    padding = 16 - len(text) % 16
    padded = text + bytes([padding]) * padding
    encryptor = Cipher(algorithms.AES(b"0123456789abcdef"), modes.CBC(bytes(16))).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def blob(sealed: str, *, signature: str | None = None, **changes: Any) -> str:
    content = {
        "response": sealed,
        "sign": sign(f'"{sealed}"') if signature is None else signature,
        "sign_type": "RSA2",
        "encrypt_type": "AES",
        "charset": "UTF-8",
    }
    return json.dumps(content | changes)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as scripted:
        yield scripted


@pytest.fixture
def members(server: ScriptedServer) -> AlipayMembers:
    return AlipayMembers(make_api(server), aes_key=AES_KEY)


class TestIdentify:
    def test_returns_the_open_id_and_drops_the_tokens(
        self, server: ScriptedServer, members: AlipayMembers
    ) -> None:
        server.answer = signed(
            {"open_id": OPEN_ID, "union_id": "u1", "access_token": "very-secret", "expires_in": 1}
        )
        identity = members.identify(code="c1")
        assert (identity.app_id, identity.open_id, identity.union_id) == (APP_ID, OPEN_ID, "u1")
        assert "very-secret" not in repr(identity)
        asked = asked_for(server.asked[0])
        assert asked["method"] == "alipay.system.oauth.token"
        assert (asked["grant_type"], asked["code"]) == ("authorization_code", "c1")

    @pytest.mark.parametrize("sub_code", ["isv.code-invalid", "isv.unmatched-app-id"])
    def test_refuses_a_code_the_platform_refuses(
        self, server: ScriptedServer, members: AlipayMembers, sub_code: str
    ) -> None:
        server.answer = signed(failed(sub_code, code="40002"), name="error_response")
        with pytest.raises(CodeRefused):
            members.identify(code="c1")

    @pytest.mark.parametrize(
        "answering",
        [
            signed(failed("isp.unknow-error", code="20000"), name="error_response"),
            signed(failed("isv.invalid-app-id", code="40002"), name="error_response"),
            signed(failed("isv.app-call-limited", code="40006"), name="error_response"),
            signed({"user_id": "2088000000000009"}),
            signed({"open_id": OPEN_ID}, key_name="stranger"),
            signed({"open_id": OPEN_ID}, signature=None),
            lambda _: Answer(502, b"<html>"),
        ],
    )
    def test_everything_else_is_unavailable(
        self, server: ScriptedServer, members: AlipayMembers, answering: Any
    ) -> None:
        server.answer = answering
        with pytest.raises(PlatformUnavailable):
            members.identify(code="c1")


class TestPhoneNumber:
    @pytest.mark.parametrize(
        ("mobile", "number"),
        [("13800138000", "+8613800138000"), ("852-51234567", "+85251234567")],
    )
    def test_verifies_then_decrypts(self, members: AlipayMembers, mobile: str, number: str) -> None:
        sealed = seal({"code": "10000", "msg": "Success", "mobile": mobile})
        assert members.phone_number(credential=blob(sealed), now=NOW) == number

    @pytest.mark.parametrize(
        "credential",
        [
            "",
            "null",
            "[]",
            "{}",
            "[" * 10_000,
            "x" * 20_001,
            blob(seal({"code": "10000", "mobile": "13800138000"}), signature="AAAA"),
            blob(seal({"code": "10000", "mobile": "13800138000"}), sign_type="RSA"),
            blob(seal({"code": "10000", "mobile": "13800138000"}), encrypt_type="DES"),
            blob(seal({"code": "10000", "mobile": "13800138000"}), response="other"),
            blob("not base64"),
            blob(base64.b64encode(b"x" * 15).decode()),
            blob(base64.b64encode(b"x" * 16).decode()),
            blob(seal(None, raw=b"\xff\xfe")),
            blob(seal(None, raw=b"[]")),
            blob(seal({"code": "10000", "mobile": "call me"})),
            blob(seal({"code": "10000"})),
        ],
    )
    def test_refuses_what_is_not_signed_or_not_a_number(
        self, members: AlipayMembers, credential: str
    ) -> None:
        with pytest.raises(CodeRefused):
            members.phone_number(credential=credential, now=NOW)

    def test_the_signature_covers_the_quotes(self, members: AlipayMembers) -> None:
        sealed = seal({"code": "10000", "mobile": "13800138000"})
        with pytest.raises(CodeRefused):
            members.phone_number(credential=blob(sealed, signature=sign(sealed)), now=NOW)

    def test_a_plain_signed_failure_is_unavailable(self, members: AlipayMembers) -> None:
        plain = '{"code":"40001","msg":"Missing","subCode":"isv.missing-encrypt-key"}'
        with pytest.raises(PlatformUnavailable, match="missing-encrypt-key"):
            members.phone_number(credential=blob(plain, signature=sign(plain)), now=NOW)

    def test_a_bad_content_key_is_refused_at_once(self, server: ScriptedServer) -> None:
        for key in ("not base64!", base64.b64encode(b"short").decode(), ""):
            with pytest.raises(ValueError, match="AES key"):
                AlipayMembers(make_api(server), aes_key=key)
