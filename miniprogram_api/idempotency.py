"""The `Idempotency-Key` of a request: the same request of a member is done, and answered, once."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from flask import Response, request
from pydantic import BaseModel
from sqlalchemy.orm import Session

from kit import idempotency
from kit.errors import Malformed
from kit.idempotency import Answer
from miniprogram_api.pages import answer_json

HEADER: Final = "Idempotency-Key"
_KEY: Final = re.compile(r"[\x21-\x7e]{1,64}")

View = TypeVar("View", bound=Callable[..., Any])


class IdempotencyKeyRequired(Malformed):
    """A request that makes money or goods came without a key, or with one of another form."""

    code = "idempotency_key_required"
    title = "Send an Idempotency-Key of 1 to 64 printable ASCII characters"
    message = "缺少请求编号，请刷新后重试"


def needs_key(view: View) -> View:
    """Mark a route as needing the header, for the OpenAPI document."""
    view.__dict__["needs_idempotency_key"] = True
    return view


def recall(
    session: Session, *, member_id: UUID, body: BaseModel | None, now: datetime
) -> Response | None:
    """Claim the request's key and return None, or return the answer given before.

    Raises `IdempotencyKeyRequired` or `IdempotencyKeyReused`.
    """
    sent = body.model_dump(mode="json") if body is not None else None
    earlier = idempotency.recall(
        session,
        scope=str(member_id),
        key=required_key(),
        request=idempotency.fingerprint(request.method, request.path, sent),
        now=now,
    )
    return answer_json(earlier.body, earlier.status) if earlier is not None else None


def find_earlier(session: Session, *, member_id: UUID, body: BaseModel) -> Response | None:
    """Return the answer given before, or None, and claim nothing: before a call to the outside.

    Raises `IdempotencyKeyRequired` or `IdempotencyKeyReused`.
    """
    request_told = idempotency.fingerprint(
        request.method, request.path, body.model_dump(mode="json")
    )
    asked = idempotency.Asked(str(member_id), required_key(), request_told)
    [earlier] = idempotency.recall_many(session, [asked])
    if isinstance(earlier, idempotency.IdempotencyKeyReused):
        raise earlier
    return answer_json(earlier.body, earlier.status) if earlier is not None else None


def remember(session: Session, *, member_id: UUID, answer: BaseModel, status: int) -> Response:
    """Store the answer for repeats of the request, and return it."""
    body = answer.model_dump(mode="json")
    idempotency.remember(
        session, scope=str(member_id), key=required_key(), answer=Answer(status, body)
    )
    return answer_json(body, status)


def required_key() -> str:
    """Return the request's key; raises `IdempotencyKeyRequired`."""
    return read_key(request.headers.get(HEADER, ""))


def read_key(text: str) -> str:
    """Return the text, which is a key; raises `IdempotencyKeyRequired`."""
    if _KEY.fullmatch(text) is None:
        raise IdempotencyKeyRequired
    return text
