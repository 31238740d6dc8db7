"""Answers of WeChat Pay: signed when they succeed, documented error bodies when they refuse."""

import json
import secrets
from typing import Any

from flask import Response, request

from sandbox.faults import Fault
from sandbox.wechat_pay.platform import Platform

STATUS_OF_CODE = {
    "FREQUENCY_LIMITED": 429,
    "RATELIMIT_EXCEEDED": 429,
    "SYSTEM_ERROR": 500,
    "BANK_ERROR": 500,
    "SIGN_ERROR": 401,
    "NO_AUTH": 403,
    "NOT_ENOUGH": 403,
    "RULE_LIMIT": 403,
    "OUT_TRADE_NO_USED": 403,
    "USER_ACCOUNT_ABNORMAL": 403,
    "ORDER_NOT_EXIST": 404,
    "RESOURCE_NOT_EXISTS": 404,
    "NOT_FOUND": 404,
}


class PayError(Exception):
    """A refusal: `code` of the platform, its HTTP status, the numeric suffix of Request-ID."""

    def __init__(
        self, code: str, message: str, *, number: int = 0, detail: dict[str, Any] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.number = number
        self.detail = detail
        self.status = STATUS_OF_CODE.get(code, 400)


def signed(
    platform: Platform, body: dict[str, Any] | None, *, corrupt: bool = False, require_rsa: bool
) -> Response:
    """200 with a body, 204 without; all five headers either way."""
    raw = b"" if body is None else compact(body)
    response = Response(raw, 204 if body is None else 200)
    if body is not None:
        response.headers["Content-Type"] = "application/json; charset=utf-8"
    else:
        del response.headers["Content-Type"]
    key = platform.answer_key(request.headers.get("Wechatpay-Serial"))
    response.headers.update(key.headers(raw, corrupt=corrupt, require_rsa=require_rsa))
    response.headers["Request-ID"] = request_id(0)
    return response


def refused(problem: PayError) -> Response:
    """The error body with its HTTP class; errors carry no signature."""
    body: dict[str, Any] = {"code": problem.code, "message": problem.message}
    if problem.detail is not None:
        body["detail"] = problem.detail
    response = Response(compact(body), problem.status, content_type="application/json")
    response.headers["Request-ID"] = request_id(problem.number)
    return response


def refused_by(fault: Fault) -> Response:
    """The error that a fault orders; SYSTEM_ERROR 500 unless it says otherwise."""
    problem = PayError(fault.code or "SYSTEM_ERROR", "系统错误")
    if fault.status is not None:
        problem.status = fault.status
    return refused(problem)


def request_id(number: int) -> str:
    """Ends in the numeric detail code, as support staff read it."""
    return f"08{secrets.token_hex(12).upper()}-{number}"


def compact(body: dict[str, Any]) -> bytes:
    """JSON without spaces, UTF-8."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
