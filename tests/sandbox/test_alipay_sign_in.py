"""Signing in at the simulated Alipay, and the phone number that the page hands over."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from sandbox_alipay import OPEN_ID, verifies

HOURS_24 = 24 * 3600


def exchanged(alipay, code):
    return alipay.sign_in(grant_type="authorization_code", code=code)


def refreshed(alipay, token):
    return alipay.sign_in(grant_type="refresh_token", refresh_token=token)


@pytest.mark.parametrize("http", ["GET", "POST"])
def test_a_code_tells_who_signed_in(alipay, http):
    code = alipay.code(union_id="u1")
    answer = alipay.call(
        "alipay.system.oauth.token", grant_type="authorization_code", code=code, http=http
    )
    assert answer.name == "alipay_system_oauth_token_response"
    assert alipay.is_signed(answer)
    assert (answer.node["open_id"], answer.node["union_id"]) == (OPEN_ID, "u1")
    assert "code" not in answer.node
    assert "user_id" not in answer.node
    wanted = {"access_token", "refresh_token", "expires_in", "re_expires_in", "auth_start"}
    assert wanted <= set(answer.node)


def test_a_replayed_code_is_refused_as_error_response(alipay):
    code = alipay.code()
    assert exchanged(alipay, code).node["open_id"] == OPEN_ID
    again = exchanged(alipay, code)
    assert again.name == "error_response"
    assert alipay.refused(again, "isv.code-invalid", "40002")


@pytest.mark.parametrize("code", ["no-such-code", "", None])
def test_an_unknown_code_is_refused(alipay, code):
    assert alipay.refused(exchanged(alipay, code), "isv.code-invalid", "40002")


def test_a_code_lives_a_day(alipay, client):
    code, other = alipay.code(), alipay.code()
    client.post("/sandbox/clock", json={"offset_seconds": HOURS_24 - 60})
    assert exchanged(alipay, code).node["open_id"] == OPEN_ID
    client.post("/sandbox/clock", json={"offset_seconds": HOURS_24 + 60})
    assert alipay.refused(exchanged(alipay, other), "isv.code-invalid", "40002")


@pytest.mark.parametrize("grant_type", ["password", None])
def test_another_grant_is_refused(alipay, grant_type):
    answer = alipay.sign_in(grant_type=grant_type, code=alipay.code())
    assert alipay.refused(answer, "isv.grant-type-invalid", "40002")


def test_the_code_in_biz_content_does_not_count(alipay):
    content = {"grant_type": "authorization_code", "code": alipay.code()}
    answer = alipay.call("alipay.system.oauth.token", content)
    assert alipay.refused(answer, "isv.grant-type-invalid", "40002")


def test_a_refresh_token_counts_once(alipay, client):
    token = exchanged(alipay, alipay.code()).node["refresh_token"]
    fresh = refreshed(alipay, token)
    assert fresh.node["open_id"] == OPEN_ID
    assert alipay.refused(refreshed(alipay, token), "isv.refreshed-token-invalid", "40002")
    assert alipay.refused(refreshed(alipay, "x"), "isv.refresh-token-invalid", "40002")
    client.post("/sandbox/clock", json={"offset_seconds": 31 * HOURS_24})
    old = refreshed(alipay, fresh.node["refresh_token"])
    assert alipay.refused(old, "isv.refresh-token-time-out", "40002")


@pytest.mark.parametrize("body", [{}, {"open_id": "a b"}, {"open_id": "a", "union_id": 1}], ids=str)
def test_a_code_for_nobody_is_not_given(client, body):
    assert client.post("/sandbox/alipay/codes", json=body).status_code == 400


def test_the_phone_blob_is_encrypted_and_signed_with_its_quotes(alipay, client):
    blob = client.post("/sandbox/alipay/phone-blobs", json={"phone": "13800138000"}).json
    assert (blob["sign_type"], blob["encrypt_type"]) == ("RSA2", "AES")
    assert verifies(alipay.alipay, f'"{blob["response"]}"', blob["sign"])
    assert not verifies(alipay.alipay, blob["response"], blob["sign"])
    key = base64.b64decode(alipay.names["aes_key"])
    assert len(key) == 16
    decryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).decryptor()
    padded = decryptor.update(base64.b64decode(blob["response"])) + decryptor.finalize()
    unpadder = PKCS7(128).unpadder()
    plain = json.loads(unpadder.update(padded) + unpadder.finalize())
    assert plain == {"code": "10000", "msg": "Success", "mobile": "13800138000"}


def test_a_failed_phone_blob_is_plain_and_signed_bare(alipay, client):
    order = {"failure": "isv.missing-encrypt-key"}
    blob = client.post("/sandbox/alipay/phone-blobs", json=order).json
    assert verifies(alipay.alipay, blob["response"], blob["sign"])
    told = json.loads(blob["response"])
    assert (told["code"], told["subCode"]) == ("40001", "isv.missing-encrypt-key")


@pytest.mark.parametrize("body", [{}, {"phone": "none"}, {"phone": 13800138000}], ids=str)
def test_a_blob_without_a_number_is_not_given(client, body):
    assert client.post("/sandbox/alipay/phone-blobs", json=body).status_code == 400
