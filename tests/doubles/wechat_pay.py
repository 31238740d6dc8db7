"""WeChat Pay's keys in a test's hand: signs answers and notices as the platform documents it."""

import base64
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from shop.payments.wechat_pay import WechatPayGateway
from tests.doubles.http import Answer, Asked, ScriptedServer
from tests.doubles.keys import key, private_text, public_text

APP_ID = "wxe2e0a1b2c3d4e5f6"
MCH_ID = "1600000001"
MERCHANT_SERIAL = "5F" * 20
KEY_ID = "PUB_KEY_ID_0116000000012026000000000000000001"
API_V3_KEY = "0123456789abcdef0123456789abcdef"
OPENID = "o" + "A" * 27
SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"
NUMBER = "T20261120ABCDEFGHJKLMN"
_MADE: dict[tuple[str, str], WechatPayGateway] = {}


def make_gateway(server: ScriptedServer, **changes: Any) -> WechatPayGateway:
    """Return a gateway whose platform is the scripted server."""
    values: dict[str, Any] = {
        "app_id": APP_ID,
        "mch_id": MCH_ID,
        "merchant_serial": MERCHANT_SERIAL,
        "merchant_private_key_pem": private_text("merchant"),
        "api_v3_key": API_V3_KEY,
        "public_key_id": KEY_ID,
        "public_key_pem": public_text("platform"),
        "base_url": f"{server.url}/wechat-pay",
        "notify_url": "https://shop.example/callbacks/wechat-pay",
        "refund_notify_url": "https://shop.example/callbacks/wechat-pay/refunds",
        "timeout_seconds": 4,
    }
    known = (server.url, repr(sorted(changes.items())))
    if known not in _MADE:
        # Loading keys takes a tenth of a second; a client has no state that tests could see.
        _MADE[known] = WechatPayGateway(**(values | changes))
    return _MADE[known]


def signature_headers(
    body: bytes,
    *,
    key_name: str = "platform",
    serial: str = KEY_ID,
    at: datetime | None = None,
    signature: str | None = None,
    without: tuple[str, ...] = (),
) -> dict[str, str]:
    """Return the five headers over a body."""
    stamp = str(int((at or datetime.now(UTC)).timestamp()))
    nonce = secrets.token_hex(16)
    message = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
    made = base64.b64encode(key(key_name).sign(message, PKCS1v15(), SHA256())).decode()
    headers = {
        "Wechatpay-Timestamp": stamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": made if signature is None else signature,
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature-Type": SIGNATURE_TYPE,
    }
    return {name: value for name, value in headers.items() if name not in without}


def signed(content: Any, **how: Any) -> Callable[[Asked], Answer]:
    """Return the answering of 200 with a signed object, or of a signed 204 for None."""
    body = b"" if content is None else json.dumps(content, ensure_ascii=False).encode()

    def answer(_: Asked) -> Answer:
        headers = signature_headers(body, **how) | {"Content-Type": "application/json"}
        return Answer(204 if content is None else 200, body, headers)

    return answer


def refused(status: int, code: str, *, number: int = 0) -> Callable[[Asked], Answer]:
    """Return the answering of an error body, unsigned as errors are."""
    body = json.dumps({"code": code, "message": "..."}).encode()
    headers = {"Content-Type": "application/json", "Request-ID": f"08ABC-{number}"}
    return lambda _: Answer(status, body, headers)


def trade(**changes: Any) -> dict[str, Any]:
    """Return a paid trade as a query or a notice tells it."""
    told = {
        "appid": APP_ID,
        "mchid": MCH_ID,
        "out_trade_no": NUMBER,
        "transaction_id": "4200002026112012345678901234",
        "trade_type": "JSAPI",
        "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功",
        "bank_type": "OTHERS",
        "success_time": "2026-11-20T19:59:58+08:00",
        "payer": {"openid": OPENID},
        "amount": {"total": 1050, "payer_total": 1000, "currency": "CNY", "payer_currency": "CNY"},
    }
    return {name: value for name, value in (told | changes).items() if value is not None}


def refund(**changes: Any) -> dict[str, Any]:
    """Return a finished refund as a query tells it."""
    told = {
        "refund_id": "50300020261120000000000000001",
        "out_refund_no": "R20261120ABCDEFGHJKLMN",
        "transaction_id": "4200002026112012345678901234",
        "out_trade_no": NUMBER,
        "status": "SUCCESS",
        "success_time": "2026-11-20T20:00:00+08:00",
        "amount": {"total": 1050, "refund": 50, "payer_refund": 48, "currency": "CNY"},
    }
    return {name: value for name, value in (told | changes).items() if value is not None}


def notice(
    plain: Any,
    *,
    event_type: str = "TRANSACTION.SUCCESS",
    original_type: str = "transaction",
    notice_id: str = "EV-2026",
    resource: dict[str, Any] | None = None,
    text: bytes | None = None,
    **how: Any,
) -> tuple[dict[str, str], bytes]:
    """Return headers and body of an encrypted, signed notice."""
    nonce = secrets.token_hex(6)
    plaintext = json.dumps(plain, ensure_ascii=False).encode()
    sealed = AESGCM(API_V3_KEY.encode()).encrypt(nonce.encode(), plaintext, b"transaction")
    envelope = {
        "id": notice_id,
        "create_time": "2026-11-20T19:59:59+08:00",
        "resource_type": "encrypt-resource",
        "event_type": event_type,
        "summary": "支付成功",
        "resource": {
            "original_type": original_type,
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": base64.b64encode(sealed).decode(),
            "associated_data": "transaction",
            "nonce": nonce,
        }
        | (resource or {}),
    }
    body = json.dumps(envelope, ensure_ascii=False).encode() if text is None else text
    return signature_headers(body, **how), body
