"""The error table: every refusal and failure as RFC 9457 problem+json, in one form."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from apiflask.exceptions import HTTPError
from flask import Flask, Response, g, request
from pydantic import ValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from app.bodies import MalformedBody
from app.metrics import REFUSALS
from kit.errors import (
    Conflict,
    DomainError,
    Forbidden,
    Malformed,
    NotFound,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from public_site.not_found import show_not_found, wants_page

log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
DEFAULT_RETRY_AFTER_SECONDS: Final = 2

STATUS_OF: Final[Mapping[type[DomainError], HTTPStatus]] = {
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Malformed: HTTPStatus.UNPROCESSABLE_ENTITY,
    RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class Words:
    """The stable code of a problem, its English title and its Chinese message."""

    code: str
    title: str
    message: str


# What the web layer itself refuses, by status.
HTTP_WORDS: Final[Mapping[int, Words]] = {
    400: Words("bad_request", "Bad request", "请求无法识别"),
    404: Words("not_found", "Not found", "没有找到相关内容"),
    405: Words("method_not_allowed", "Method not allowed", "不支持的请求方式"),
    408: Words("request_timeout", "The request took too long to arrive", "请求超时，请重试"),
    413: Words("body_too_large", "The body is too large", "请求内容过大"),
    415: Words("unsupported_media_type", "Send application/json", "不支持的内容类型"),
    500: Words("internal_error", "Internal error", "系统开小差了，请稍后再试"),
}

# Pydantic's kinds of mistakes in the words of the client's language; any other is "not accepted".
_FIELD_WORDS: Final[Mapping[str, str]] = {
    "missing": "缺少该字段",
    "extra_forbidden": "不支持的字段",
    "string_too_short": "内容过短",
    "string_too_long": "内容过长",
    "too_short": "内容过少",
    "too_long": "内容过多",
    "int_type": "应为整数",
    "greater_than_equal": "数值过小",
    "less_than_equal": "数值过大",
}


def install(app: Flask) -> None:
    """Answer every exception of the application with a problem."""
    app.register_error_handler(DomainError, answer_refusal)
    app.register_error_handler(HTTPError, _answer_invalid)
    app.register_error_handler(HTTPException, _answer_http)
    for outage in (OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(outage, _answer_outage)
    app.register_error_handler(Exception, _answer_failure)


def status_of(refusal: type[DomainError]) -> HTTPStatus:
    """Return the HTTP status of a refusal by its kind."""
    for kind in refusal.__mro__:
        if kind in STATUS_OF:
            return STATUS_OF[kind]
    return HTTPStatus.CONFLICT


def problem(
    status: int,
    words: Words,
    *,
    details: Mapping[str, Any] | None = None,
    errors: Sequence[Mapping[str, str]] = (),
) -> Response:
    """Return a problem+json response."""
    REFUSALS.labels(words.code).inc()
    body: dict[str, Any] = {
        "type": "about:blank",
        "status": int(status),
        "code": words.code,
        "title": words.title,
        "detail": words.title if wants_english() else words.message,
        "request_id": g.get("request_id", ""),
    }
    if details:
        body["details"] = dict(details)
    if errors:
        body["errors"] = [dict(error) for error in errors]
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, default=str)
    return Response(text, status=int(status), content_type=MEDIA_TYPE)


def wants_english() -> bool:
    """Say whether the client prefers English to Chinese, which is the default."""
    return request.accept_languages.best_match(["zh", "en"], default="zh") == "en"


def answer_refusal(refusal: DomainError) -> Response:
    """Answer a refusal of the shop or of a door."""
    status = status_of(type(refusal))
    words = Words(refusal.code, refusal.title, refusal.message)
    log.info("refused", extra={"refusal": words.code, "status": int(status)})
    response = problem(status, words, details=refusal.details)
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        wait = refusal.details.get("retry_after_seconds", DEFAULT_RETRY_AFTER_SECONDS)
        response.headers["Retry-After"] = str(wait)
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _answer_invalid(error: HTTPError) -> Response:
    """Answer what a schema refused, naming the fields and never what was sent."""
    cause = error.__cause__
    if not isinstance(cause, ValidationError):
        return _answer_status(error.status_code)
    words = Words(MalformedBody.code, MalformedBody.title, MalformedBody.message)
    log.info("refused", extra={"refusal": words.code, "status": 422})
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, words, errors=_field_errors(cause))


def _field_errors(cause: ValidationError) -> list[dict[str, str]]:
    english = wants_english()
    found = cause.errors(include_input=False, include_context=False, include_url=False)
    return [
        {
            "field": ".".join(str(part) for part in item["loc"]),
            "code": item["type"],
            "message": item["msg"] if english else _FIELD_WORDS.get(item["type"], "格式不正确"),
        }
        for item in found
    ]


def _answer_http(error: HTTPException) -> Response:
    if error.code == HTTPStatus.NOT_FOUND and wants_page():
        return show_not_found()
    response = _answer_status(error.code or 500)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _answer_status(status: int) -> Response:
    words = HTTP_WORDS.get(status, HTTP_WORDS[400 if status < 500 else 500])
    log.info("refused", extra={"refusal": words.code, "status": status})
    return problem(status, words)


def _answer_outage(_error: Exception) -> Response:
    """Answer while the database is out or overloaded: nothing was done, so try again."""
    log.exception("the database does not serve")
    words = Words(Unavailable.code, Unavailable.title, Unavailable.message)
    response = problem(HTTPStatus.SERVICE_UNAVAILABLE, words)
    response.headers["Retry-After"] = str(DEFAULT_RETRY_AFTER_SECONDS)
    return response


def _answer_failure(_error: Exception) -> Response:
    log.exception("failed")
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, HTTP_WORDS[500])
