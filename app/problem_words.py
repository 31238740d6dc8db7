"""Words of every refusal and failure, and problem+json (RFC 9457) made of them; no Flask here."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

from pydantic import ValidationError
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from app.bodies import MalformedBody
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


def status_of(refusal: type[DomainError]) -> HTTPStatus:
    """Return the HTTP status of a refusal by its kind."""
    for kind in refusal.__mro__:
        if kind in STATUS_OF:
            return STATUS_OF[kind]
    return HTTPStatus.CONFLICT


def words_of(refusal: DomainError) -> Words:
    """Return the words of a refusal."""
    return Words(refusal.code, refusal.title, refusal.message)


MALFORMED: Final = Words(MalformedBody.code, MalformedBody.title, MalformedBody.message)
UNAVAILABLE: Final = Words(Unavailable.code, Unavailable.title, Unavailable.message)


def problem_text(
    status: int,
    words: Words,
    *,
    request_id: str,
    english: bool,
    details: Mapping[str, Any] | None = None,
    errors: Sequence[Mapping[str, str]] = (),
) -> str:
    """Return the body of a problem."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "status": int(status),
        "code": words.code,
        "title": words.title,
        "detail": words.title if english else words.message,
        "request_id": request_id,
    }
    if details:
        body["details"] = dict(details)
    if errors:
        body["errors"] = [dict(error) for error in errors]
    return json.dumps(body, ensure_ascii=False, sort_keys=True, default=str)


def headers_of(refusal: DomainError) -> dict[str, str]:
    """Return the headers that go with a refusal."""
    status = status_of(type(refusal))
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        wait = refusal.details.get("retry_after_seconds", DEFAULT_RETRY_AFTER_SECONDS)
        return {"Retry-After": str(wait)}
    return {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}


def field_errors(cause: ValidationError, *, english: bool) -> list[dict[str, str]]:
    """Return what is wrong with which field, never telling what was sent."""
    found = cause.errors(include_input=False, include_context=False, include_url=False)
    return [
        {
            "field": ".".join(str(part) for part in item["loc"]),
            "code": item["type"],
            "message": item["msg"] if english else _FIELD_WORDS.get(item["type"], "格式不正确"),
        }
        for item in found
    ]


@lru_cache(maxsize=256)
def prefers_english(accept_language: str) -> bool:
    """Say whether a client prefers English to Chinese, which is the default."""
    accepted = parse_accept_header(accept_language, LanguageAccept)
    return accepted.best_match(["zh", "en"], default="zh") == "en"
