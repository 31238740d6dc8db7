"""Idempotency keys: the answer to a request is stored in the commit that makes it true."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import LargeBinary, String, Table, and_, delete, inspect, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from kit.crypto import same
from kit.db import Base
from kit.errors import Conflict
from kit.rows import array_table, inserting

KEEP_FOR: Final = timedelta(days=7)


class IdempotencyKeyReused(Conflict):
    """The key was used before with another request."""

    code = "idempotency_key_reused"
    title = "The idempotency key was used with another request"
    message = "重复的请求编号，请刷新后重试"


class IdempotencyKey(Base):
    """One request of one person, and its answer once that is known."""

    __tablename__ = "idempotency_keys"

    scope: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    status: Mapped[int | None]
    answer: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """The stored HTTP status and JSON body of an earlier request."""

    status: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of one person under a key of their own, as `fingerprint` tells it apart."""

    scope: str
    key: str
    request: bytes


def fingerprint(method: str, path: str, body: Any) -> bytes:
    """Return 32 bytes that are the same for the same request, whatever its key order or spacing."""
    canonical = json.dumps([method, path, body], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).digest()


def recall(
    session: Session, *, scope: str, key: str, request: bytes, now: datetime
) -> Answer | None:
    """Claim the key and return None, or return the earlier answer; raises `IdempotencyKeyReused`.

    A second request with the same key waits here until the first has committed or rolled back.
    """
    claimed = session.execute(
        insert(IdempotencyKey)
        .values(scope=scope, key=key, fingerprint=request, created_at=now)
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.key)
    ).scalar_one_or_none()
    if claimed is not None:
        return None
    row = session.scalars(
        select(IdempotencyKey)
        .where(IdempotencyKey.scope == scope, IdempotencyKey.key == key)
        .with_for_update()
    ).one()
    if not same(row.fingerprint, request):
        raise IdempotencyKeyReused
    if row.status is None or row.answer is None:
        return None  # claimed by a request of several steps that died half-way: it goes on here
    return Answer(row.status, row.answer)


def remember(session: Session, *, scope: str, key: str, answer: Answer) -> None:
    """Store the answer for later repeats."""
    row = session.get_one(IdempotencyKey, (scope, key))
    row.status = answer.status
    row.answer = answer.body


def recall_many(
    session: Session, asked: Sequence[Asked]
) -> list[Answer | IdempotencyKeyReused | None]:
    """Return the earlier answer of each, or its refusal, or None; nothing is claimed.

    For callers who hold a lock by which requests of one scope come one after the other.
    """
    parameters = {
        "asked_scope": [one.scope for one in asked],
        "asked_key": [one.key for one in asked],
    }
    rows = {(row.scope, row.key): row for row in session.scalars(_ASKED, parameters)}
    return [_earlier(rows.get((one.scope, one.key)), one.request) for one in asked]


def remember_many(
    session: Session, asked: Sequence[Asked], answers: Sequence[Mapping[str, Any]], *, now: datetime
) -> None:
    """Claim the keys and store their answers, each a 201; an `IntegrityError` if one is taken."""
    parameters = {
        "row_scope": [one.scope for one in asked],
        "row_key": [one.key for one in asked],
        "row_fingerprint": [one.request for one in asked],
        "row_answer": answers,
        "all_status": 201,
        "all_created_at": now,
    }
    session.execute(_INSERT, parameters)


def _earlier(row: IdempotencyKey | None, request: bytes) -> Answer | IdempotencyKeyReused | None:
    if row is None:
        return None
    if not same(row.fingerprint, request):
        return IdempotencyKeyReused()
    return None if row.status is None or row.answer is None else Answer(row.status, row.answer)


def purge(session: Session, *, now: datetime) -> None:
    """Forget keys older than `KEEP_FOR`."""
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now - KEEP_FOR))


_KEYS: Final[Table] = inspect(IdempotencyKey).local_table  # type: ignore[assignment] # a mapped class's is one
_PAIRS: Final = array_table("asked", {"scope": String(), "key": String()})
_ASKED: Final = select(IdempotencyKey).join(
    _PAIRS,
    and_(IdempotencyKey.scope == _PAIRS.c.scope, IdempotencyKey.key == _PAIRS.c.key),
)
_INSERT: Final = inserting(
    _KEYS, each=("scope", "key", "fingerprint", "answer"), same=("status", "created_at")
)
