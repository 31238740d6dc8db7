"""The sweep of group-buy: decide groups whose time is over."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from group_buy import failing, queries
from kit.db import Begin
from kit.sweep import Swept, is_due, postpone

log = logging.getLogger(__name__)

BATCH: Final = 100
MOST_ROUNDS: Final = 100  # of one ring; whatever is left is due at the next


def decide_due_groups(begin: Begin, *, now: datetime) -> Swept:
    """Form or fail every group whose time is over, many in one transaction."""
    done = failed = 0
    for _ in range(MOST_ROUNDS):
        with begin() as session:
            ids = session.scalars(queries.due_groups(now).limit(BATCH)).all()
        decided, broken = _decide_all(begin, ids, now=now) if ids else (0, 0)
        done += decided
        failed += broken
        if decided == 0:
            break  # nothing is due, or others hold the rest
    return Swept(done, failed)


def _decide_all(begin: Begin, ids: Sequence[UUID], *, now: datetime) -> tuple[int, int]:
    try:
        with begin() as session:
            return failing.decide(session, ids, now=now), 0
    except Exception:
        log.exception("a batch of groups was not decided; each is tried alone")
    results = [_decide_alone(begin, group_id, now=now) for group_id in ids]
    return results.count(1), results.count(-1)


def _decide_alone(begin: Begin, group_id: UUID, *, now: datetime) -> int:
    """Return 1 when it was looked at, 0 when there was nothing to do, -1 when it failed."""
    try:
        with begin() as session:
            return failing.decide(session, [group_id], now=now)
    except Exception as exc:
        log.exception("a group was not decided", extra={"group_id": str(group_id)})
        with begin() as session:
            _note_failure(session, group_id, type(exc).__name__, now=now)
        return -1


def _note_failure(session: Session, group_id: UUID, why: str, *, now: datetime) -> None:
    # Later and later, so that those that fail do not crowd out those that do not.
    group = queries.lock_group(session, group_id)
    if is_due(group, now=now):
        group.attempts += 1
        postpone(group, why, now=now)
