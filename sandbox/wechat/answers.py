"""Answers of api.weixin.qq.com: HTTP 200 with errcode, whatever happened."""

import json
import secrets
from typing import Any

from flask import Response, request

from sandbox.faults import Fault

MEANINGS = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40013: "invalid appid",
    40029: "invalid code",
    40037: "invalid template_id",
    40097: "invalid args",
    40125: "invalid appsecret",
    40163: "code been used",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    41030: "invalid page",
    42001: "access_token expired",
    43002: "require POST method",
    44002: "empty post data",
    43101: "user refuse to accept the msg",
    45002: "content size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45168: "sensitive word",
    47001: "data format error",
    47003: "argument invalid!",
    61010: "code is expired",
}


class WechatError(Exception):
    """A refusal by its errcode."""

    def __init__(self, errcode: int, message: str | None = None) -> None:
        self.errcode = errcode
        self.message = message or MEANINGS.get(errcode, "error")
        super().__init__(f"{errcode} {self.message}")


def ok(body: dict[str, Any]) -> Response:
    """HTTP 200, JSON as UTF-8 text."""
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(raw, content_type="application/json; encoding=utf-8")


def refused(problem: WechatError) -> Response:
    """The errcode body; still HTTP 200."""
    rid = f"rid: {secrets.token_hex(4)}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"
    return ok({"errcode": problem.errcode, "errmsg": f"{problem.message}, {rid}"})


def refused_by(fault: Fault) -> Response:
    """The errcode a fault orders (-1 unless it says otherwise), with its HTTP status."""
    code = int(fault.code) if fault.code and fault.code.lstrip("-").isdigit() else -1
    response = refused(WechatError(code))
    response.status_code = fault.status or 200
    return response


def garbled() -> Response:
    """These answers carry no signature; the nearest to a forged one is a page in its place."""
    return Response("<html><body>login required</body></html>", 200, content_type="text/html")


def posted_json() -> dict[str, Any]:
    """The JSON object of a POST; its Content-Type does not matter here."""
    if request.method != "POST":
        raise WechatError(43002)
    raw = request.get_data()
    if not raw:
        raise WechatError(44002)
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as problem:
        raise WechatError(47001) from problem
    if not isinstance(body, dict):
        raise WechatError(47001)
    return body
