"""The error table: every refusal and failure as RFC 9457 problem+json, in one form."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from apiflask.exceptions import HTTPError
from flask import Flask, Response, g, request
from pydantic import ValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from app.metrics import REFUSALS
from app.problem_words import (
    DEFAULT_RETRY_AFTER_SECONDS,
    HTTP_WORDS,
    MALFORMED,
    MEDIA_TYPE,
    UNAVAILABLE,
    Words,
    field_errors,
    headers_of,
    prefers_english,
    problem_text,
    status_of,
    words_of,
)
from kit.errors import DomainError
from public_site.not_found import show_not_found, wants_page

log = logging.getLogger(__name__)


def install(app: Flask) -> None:
    """Answer every exception of the application with a problem."""
    app.register_error_handler(DomainError, answer_refusal)
    app.register_error_handler(HTTPError, _answer_invalid)
    app.register_error_handler(HTTPException, _answer_http)
    for outage in (OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(outage, _answer_outage)
    app.register_error_handler(Exception, _answer_failure)


def problem(
    status: int,
    words: Words,
    *,
    details: Mapping[str, Any] | None = None,
    errors: Sequence[Mapping[str, str]] = (),
) -> Response:
    """Return a problem+json response."""
    REFUSALS.labels(words.code).inc()
    text = problem_text(
        status,
        words,
        request_id=g.get("request_id", ""),
        english=wants_english(),
        details=details,
        errors=errors,
    )
    return Response(text, status=int(status), content_type=MEDIA_TYPE)


def wants_english() -> bool:
    """Say whether the client prefers English to Chinese, which is the default."""
    return prefers_english(request.headers.get("Accept-Language", ""))


def answer_refusal(refusal: DomainError) -> Response:
    """Answer a refusal of the shop or of a door."""
    status = status_of(type(refusal))
    log.info("refused", extra={"refusal": refusal.code, "status": int(status)})
    response = problem(status, words_of(refusal), details=refusal.details)
    response.headers.update(headers_of(refusal))
    return response


def _answer_invalid(error: HTTPError) -> Response:
    """Answer what a schema refused, naming the fields and never what was sent."""
    cause = error.__cause__
    if not isinstance(cause, ValidationError):
        return _answer_status(error.status_code)
    log.info("refused", extra={"refusal": MALFORMED.code, "status": 422})
    errors = field_errors(cause, english=wants_english())
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, MALFORMED, errors=errors)


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
    response = problem(HTTPStatus.SERVICE_UNAVAILABLE, UNAVAILABLE)
    response.headers["Retry-After"] = str(DEFAULT_RETRY_AFTER_SECONDS)
    return response


def _answer_failure(_error: Exception) -> Response:
    log.exception("failed")
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, HTTP_WORDS[500])
