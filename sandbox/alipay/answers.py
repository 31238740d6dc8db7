"""Answers of the gateway: signed over the exact text of the node, or refused by the gateway."""

import json
import secrets
from typing import Any

from flask import Response

from sandbox.alipay.platform import SigningKey

CONTENT_TYPE = "text/html;charset=utf-8"
ERROR_NODE = "error_response"
MESSAGES = {
    "10000": "Success",
    "20000": "Service Currently Unavailable",
    "20001": "Insufficient Token Permissions",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40003": "Insufficient Conditions",
    "40004": "Business Failed",
    "40005": "Call Limited",
    "40006": "Insufficient Permissions",
}
# Legal JSON that defeats whoever counts braces or looks for quotes.
AWKWARD = {"ext_infos": '{"note":"团卡 }}{ \\"100\\" 元","link":"https://a.b/c","sign":"no"}'}


class AlipayError(Exception):
    """A refusal in the method's own node: `sub_code` of the platform, and words for people."""

    def __init__(self, sub_code: str, sub_msg: str = "") -> None:
        super().__init__(f"{sub_code}: {sub_msg}")
        self.sub_code = sub_code
        self.sub_msg = sub_msg

    @property
    def node(self) -> dict[str, str]:
        """What the answer says."""
        if self.sub_code in MESSAGES:
            return {"code": self.sub_code, "msg": MESSAGES[self.sub_code]}
        code = code_of(self.sub_code)
        return {
            "code": code,
            "msg": MESSAGES[code],
            "sub_code": self.sub_code,
            "sub_msg": self.sub_msg,
        }


class GatewayRefusal(AlipayError):
    """The gateway itself turns the request away: an unsigned `error_response`."""


def code_of(sub_code: str) -> str:
    """The outer code of a sub_code."""
    if sub_code.endswith("call-limited"):
        return "40005"
    if sub_code.endswith("unknow-error"):
        return "20000"
    starts = {
        "isv.missing-": "40001",
        "isv.invalid-auth-relations": "40003",
        "isv.insufficient-": "40006",
        "isv.": "40002",
        "aop.": "20001",
    }
    return next((code for start, code in starts.items() if sub_code.startswith(start)), "40004")


def success(**fields: Any) -> dict[str, Any]:
    """A node with code 10000."""
    return {"code": "10000", "msg": MESSAGES["10000"], **fields}


def signed(
    key: SigningKey,
    name: str,
    node: dict[str, Any],
    *,
    require_rsa: bool,
    corrupt: bool = False,
    awkward: bool = False,
) -> Response:
    """`{"<name>":<node>,"alipay_cert_sn":…,"sign":…}`; awkward ones have braces inside texts."""
    text = compact(node | AWKWARD) if awkward else compact(node)
    if awkward:
        text = text.replace("/", "\\/")
    signature = key.sign(text, require_rsa=require_rsa, corrupt=corrupt)
    body = f'{{"{name}":{text},"alipay_cert_sn":"{key.serial_name}","sign":"{signature}"}}'
    return Response(body, 200, content_type=CONTENT_TYPE)


def unsigned(problem: AlipayError) -> Response:
    """A refusal of the gateway; HTTP stays 200."""
    body = f'{{"{ERROR_NODE}":{compact(problem.node)}}}'
    return Response(body, 200, content_type=CONTENT_TYPE)


def page(status: int) -> Response:
    """What a proxy before the gateway answers: HTML."""
    return Response(f"<html><h1>{status}</h1></html>", status, content_type="text/html")


def is_drawn(share: float) -> bool:
    """True in that share of calls."""
    return secrets.randbelow(1_000_000) < share * 1_000_000


def compact(node: dict[str, Any]) -> str:
    """JSON without spaces, Chinese as it is."""
    return json.dumps(node, ensure_ascii=False, separators=(",", ":"))
