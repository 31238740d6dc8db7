"""Alipay's keys in a test's hand: signs answers and notices as the gateway documents it."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from kit.alipay import AlipayApi
from kit.alipay_certificates import application_serial_name
from shop.payments.alipay import AlipayGateway
from tests.doubles.http import Answer, Asked, ScriptedServer
from tests.doubles.keys import certificate, key, private_text

APP_ID = "2021000000000001"
SELLER_ID = "2088000000000001"
OPEN_ID = "048mXcPAqDzVn7VqVZWqoiCkWdQsp9d5dzx8lLm3hQnXkA4"
NUMBER = "T20261120ABCDEFGHJKLMN"
REFUND_NUMBER = "R20261120ABCDEFGHJKLMN"
TRADE_NO = "2026112022001400000000000001"


def alipay_certificate(name: str = "alipay") -> str:
    """Return Alipay's certificate for the key of that name."""
    return certificate(key(name).public_key(), serial=7000 + len(name))


_MADE: dict[tuple[str, str], AlipayApi] = {}


def make_api(server: ScriptedServer, **changes: Any) -> AlipayApi:
    """Return a client whose gateway is the scripted server."""
    values: dict[str, Any] = {
        "app_id": APP_ID,
        "app_private_key_pem": private_text("app"),
        "app_cert_pem": certificate(key("app").public_key(), serial=1001),
        "alipay_cert_pem": alipay_certificate(),
        "alipay_root_cert_pem": certificate(key("authority").public_key(), serial=1),
        "base_url": f"{server.url}/alipay",
        "timeout_seconds": 4,
    }
    known = (server.url, repr(sorted(changes.items())))
    if known not in _MADE:
        # Loading keys takes a tenth of a second; a client has no state that tests could see.
        _MADE[known] = AlipayApi(**(values | changes))
    return _MADE[known]


def make_gateway(server: ScriptedServer, **changes: Any) -> AlipayGateway:
    """Return a gateway over such a client."""
    return AlipayGateway(
        make_api(server, **changes),
        seller_id=SELLER_ID,
        notify_url="https://shop.example/callbacks/alipay",
        timeout_seconds=4,
    )


def sign(text: str, key_name: str = "alipay") -> str:
    """Return an RSA2 signature."""
    return base64.b64encode(key(key_name).sign(text.encode(), PKCS1v15(), SHA256())).decode()


def asked_for(asked: Asked) -> dict[str, str]:
    """Return every parameter of a call, from URL and body."""
    query = dict(parse_qsl(urlsplit(asked.target).query, keep_blank_values=True))
    return query | dict(parse_qsl(asked.body.decode(), keep_blank_values=True))


def signed(node: Any, *, key_name: str = "alipay", **how: Any) -> Callable[[Asked], Answer]:
    """Return the answering of a signed node under the name of whatever method is called.

    `name`, `serial`, `signature` (None: none), `text` (the node as written) replace the usual.
    """

    def answer(asked: Asked) -> Answer:
        name = how.get("name") or asked_for(asked)["method"].replace(".", "_") + "_response"
        text = how.get("text") or json.dumps(node, ensure_ascii=False, separators=(",", ":"))
        parts = [f'"{name}":{text}']
        serial = how.get("serial", application_serial_name(alipay_certificate()))
        if serial is not None:
            parts.append(f'"alipay_cert_sn":"{serial}"')
        signature = how.get("signature", sign(text, key_name))
        if signature is not None:
            parts.append(f'"sign":"{signature}"')
        return Answer(200, ("{" + ",".join(parts) + "}").encode(), {"Content-Type": "text/html"})

    return answer


def ok(**fields: Any) -> dict[str, Any]:
    """Return a successful node."""
    return {"code": "10000", "msg": "Success", **fields}


def failed(sub_code: str, code: str = "40004") -> dict[str, Any]:
    """Return a refused node."""
    return {"code": code, "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "..."}


def notice_fields(**changes: str) -> dict[str, str]:
    """Return the fields of a paid notice."""
    fields = {
        "notify_time": "2026-11-20 20:00:00",
        "notify_type": "trade_status_sync",
        "notify_id": "2026112000222200001",
        "app_id": APP_ID,
        "auth_app_id": APP_ID,
        "charset": "utf-8",
        "version": "1.0",
        "trade_no": TRADE_NO,
        "out_trade_no": NUMBER,
        "buyer_open_id": OPEN_ID,
        "seller_id": SELLER_ID,
        "trade_status": "TRADE_SUCCESS",
        "total_amount": "10.50",
        "receipt_amount": "10.50",
        "subject": "团卡 {100} & 元",
        "gmt_create": "2026-11-20 19:58:00",
        "gmt_payment": "2026-11-20 19:59:58",
        "fund_bill_list": '[{"amount":"10.50","fundChannel":"ALIPAYACCOUNT"}]',
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def notice_body(fields: Mapping[str, str], *, key_name: str = "alipay", **extra: str) -> bytes:
    """Return the form of a signed notice; `extra` fields are added after signing."""
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields))
    whole = dict(fields) | {"sign_type": "RSA2", "sign": sign(text, key_name)} | extra
    return urlencode(whole).encode()
