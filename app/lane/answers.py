"""Answers of the lane, with the headers and the words that Flask's have."""

import json
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from pydantic import ValidationError

from app.http import REQUEST_ID, STRICT_TRANSPORT
from app.lane.asked import Asked
from app.problem_words import (
    HTTP_WORDS,
    MALFORMED,
    MEDIA_TYPE,
    Words,
    field_errors,
    headers_of,
    problem_text,
    status_of,
)
from kit.errors import DomainError

Headers = list[tuple[bytes, bytes]]

JSON: Final = "application/json"
# What Flask says besides is for pages: of an answer that is never shown it protects nothing, and
# the server looks at each header of each answer.
_ALWAYS: Final[Headers] = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
]
_REQUEST_ID: Final = REQUEST_ID.lower().encode()
_STRICT: Final = (b"strict-transport-security", STRICT_TRANSPORT.encode())
_HAVE_HEADERS: Final = frozenset({401, 429, 503})
_MARK: Final = "\N{INFORMATION SEPARATOR ONE}"


@dataclass(slots=True)  # frozen ones take three times as long to make
class Answer:
    """A status, a body and what is special about its headers; `code` is that of a problem."""

    status: int
    body: bytes
    content_type: str = JSON
    more: tuple[tuple[bytes, bytes], ...] = ()
    code: str = ""

    def headers(self, asked: Asked) -> Headers:
        """Return all headers."""
        return [
            *_fixed(self.content_type, self.more, secure=asked.is_secure),
            (b"content-length", b"%d" % len(self.body)),
            (_REQUEST_ID, asked.request_id.encode()),
        ]

    def wire(self, asked: Asked) -> bytes:
        """Return the same as it travels, and the body behind it."""
        return b"%bcontent-length: %d\r\n%b: %b\r\n\r\n%b" % (
            _lines(self.content_type, self.more, secure=asked.is_secure),
            len(self.body),
            _REQUEST_ID,
            asked.request_id.encode(),
            self.body,
        )


@lru_cache(maxsize=1024)
def _fixed(content_type: str, more: tuple[tuple[bytes, bytes], ...], *, secure: bool) -> Headers:
    """Return the headers that many answers have in common."""
    headers = [*_ALWAYS, (b"content-type", content_type.encode()), *more]
    return [*headers, _STRICT] if secure else headers


@lru_cache(maxsize=1024)
def _lines(content_type: str, more: tuple[tuple[bytes, bytes], ...], *, secure: bool) -> bytes:
    return lines_of(_fixed(content_type, more, secure=secure))


def lines_of(headers: Headers) -> bytes:
    """Return headers as they travel."""
    return b"".join(b"%b: %b\r\n" % header for header in headers)


def refuse(refusal: DomainError, asked: Asked) -> Answer:
    """Answer a refusal."""
    details = json.dumps(refusal.details, default=str) if refusal.details else ""
    kind = type(refusal)
    status, before, after = _refusal(kind, details, asked.wants_english)  # type: ignore[arg-type] # mypy takes a class's hash for its instances'
    more: tuple[tuple[bytes, bytes], ...] = ()
    if status in _HAVE_HEADERS:
        headers = headers_of(refusal)
        more = tuple((name.lower().encode(), text.encode()) for name, text in headers.items())
    body = before + asked.request_id.encode() + after
    return Answer(status, body, MEDIA_TYPE, more, refusal.code)


@lru_cache(maxsize=1024)
def _refusal(kind: type[DomainError], details: str, english: bool) -> tuple[int, bytes, bytes]:
    status = int(status_of(kind))
    words = Words(kind.code, kind.title, kind.message)
    return status, *_pieces(status, words, english, details)


def refuse_fields(cause: ValidationError, asked: Asked) -> Answer:
    """Answer what the schema refused."""
    text = problem_text(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        MALFORMED,
        request_id=asked.request_id,
        english=asked.wants_english,
        errors=field_errors(cause, english=asked.wants_english),
    )
    return Answer(422, text.encode(), MEDIA_TYPE, (), MALFORMED.code)


def refuse_status(status: HTTPStatus, asked: Asked, *, allow: str = "") -> Answer:
    """Answer what HTTP itself refuses."""
    words = HTTP_WORDS[status]
    before, after = _pieces(int(status), words, asked.wants_english, "")
    more = ((b"allow", allow.encode()),) if allow else ()
    return Answer(
        int(status), before + asked.request_id.encode() + after, MEDIA_TYPE, more, words.code
    )


@lru_cache(maxsize=1024)
def _pieces(status: int, words: Words, english: bool, details: str) -> tuple[bytes, bytes]:
    """Return what stands before and after the request's id; a rush is refused in few words."""
    text = problem_text(
        status,
        words,
        request_id=_MARK,
        english=english,
        details=json.loads(details) if details else None,
    )
    before, _, after = text.partition(json.dumps(_MARK)[1:-1])
    return before.encode(), after.encode()
