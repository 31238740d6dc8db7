"""Published vectors of Alipay, reproduced through the product's own client."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from kit import alipay_certificates
from kit.alipay import AlipayApi, AlipayNoAnswer
from kit.json_members import member_texts
from kit.rsa_keys import load_public_key
from shop.members.alipay import AlipayMembers
from tests.doubles.alipay import make_api, sign
from tests.doubles.http import Answer, ScriptedServer
from tests.doubles.keys import certificate

HERE = Path(__file__).parent


def vector(name: str) -> Any:
    return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))


def api_trusting(key: RSAPublicKey, server: ScriptedServer) -> AlipayApi:
    return make_api(server, alipay_cert_pem=certificate(key, serial=77))


@pytest.mark.parametrize("case", vector("alipay_async_notify")["cases"], ids=lambda c: c["name"])
def test_async_notify(case: dict[str, Any]) -> None:
    with ScriptedServer() as server:
        api = api_trusting(load_public_key(case["alipay_public_key_b64"]), server)
    with_sign_type = case["mode"].startswith("drop sign only")
    assert api.is_authentic(case["params"], with_sign_type=with_sign_type) is case["expect"]


def test_async_notify_fails_for_any_changed_value() -> None:
    case = next(c for c in vector("alipay_async_notify")["cases"] if c["expect"])
    with ScriptedServer() as server:
        api = api_trusting(load_public_key(case["alipay_public_key_b64"]), server)
    for name in case["params"]:
        changed = case["params"] | {name: case["params"][name] + "1"}
        assert not api.is_authentic(changed), name


def test_sync_response() -> None:
    case = vector("alipay_sync_response")
    with ScriptedServer() as server:
        api = api_trusting(load_public_key(case["alipay_public_key_pem"]), server)
        server.answer = lambda _: Answer(200, case["raw_body"].encode())
        assert api.call(case["method"])["file_id"] == "CAxAToWB1JsAAAAAAAAAAAAADgSLAQBr"
        changed = case["raw_body"].replace("Success", "Succes5")
        server.answer = lambda _: Answer(200, changed.encode())
        with pytest.raises(AlipayNoAnswer, match="bad signature"):
            api.call(case["method"])


def test_certificate_serial_names() -> None:
    case = vector("alipay_cert_sn")
    assert alipay_certificates.application_serial_name(case["app_cert_pem"]) == case["app_cert_sn"]
    (name,) = alipay_certificates.alipay_keys(case["alipay_cert_pem"])
    assert name == case["alipay_cert_sn"]
    key = alipay_certificates.alipay_keys(case["alipay_cert_pem"])[name]
    assert key.public_numbers() == load_public_key(case["alipay_public_key_b64"]).public_numbers()
    assert alipay_certificates.root_serial_name(case["root_cert_pem"]) == case["root_cert_sn"]


@pytest.mark.parametrize("case", vector("alipay_aes")["cases"], ids=["text", "empty"])
def test_aes(case: dict[str, str]) -> None:
    with ScriptedServer() as server:
        members = AlipayMembers(make_api(server), aes_key=case["key_b64"])
    assert members._decrypted(case["ciphertext_b64"]) == case["plaintext"]
    assert len(base64.b64decode(case["key_b64"])) == 16


@pytest.mark.parametrize(
    "case", vector("alipay_sign_content_extraction")["cases"], ids=lambda c: c["name"]
)
def test_sign_content_extraction(case: dict[str, str]) -> None:
    name = vector("alipay_sign_content_extraction")["response_key"]
    assert member_texts(case["response"])[name] == case["expect_sign_content"]


def test_own_signature_is_the_one_the_client_accepts() -> None:
    with ScriptedServer() as server:
        api = make_api(server)
    assert api.is_signed("a", sign("a"))
    assert not api.is_signed("b", sign("a"))
