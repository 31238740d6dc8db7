"""Sweeps: take the ids of due rows, then act on each alone, so that one bad row stops no other."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, String
from sqlalchemy.orm import Mapped, mapped_column

from kit.clock import monotonic_seconds
from kit.db import Begin
from kit.retry import delay_after

log = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=60)  # longer than any outbound call may take
MOST_SECONDS: Final = 5.0  # then no row more is begun: `now` grows old, and who ends us waits


@dataclass(frozen=True, slots=True)
class Swept:
    """How many rows a sweep acted on, and how many of them failed."""

    done: int
    failed: int


class Retried:
    """Columns of a row that a sweep tries until done; a NULL `due_at` means nothing to do."""

    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(200))


def sweep(
    begin: Begin,
    due: Select[Any],
    act: Callable[[UUID], None],
    *,
    name: str,
    most: int = 200,
    at_once: int = 1,
    most_seconds: float = MOST_SECONDS,
) -> Swept:
    """Run `act` on each due id; a failure is logged and leaves its row due for a later sweep.

    Up to `at_once` threads act, each on rows of its own; all have ended when this returns. Rows
    that are not begun within `most_seconds` stay due and count as neither done nor failed.
    """
    with begin() as session:
        ids = session.scalars(due.limit(most)).all()
    ends_at = monotonic_seconds() + most_seconds

    def succeeds(row_id: UUID) -> bool | None:
        if monotonic_seconds() >= ends_at:
            return None
        try:
            act(row_id)
        except Exception:
            log.exception("sweep failed on a row", extra={"sweep": name, "row_id": str(row_id)})
            return False
        return True

    results = _of_each(ids, succeeds, at_once=at_once)
    return Swept(done=results.count(True), failed=results.count(False))


def _of_each(
    ids: Sequence[UUID], act: Callable[[UUID], bool | None], *, at_once: int
) -> list[bool | None]:
    threads = min(at_once, len(ids))
    if threads <= 1:
        return [act(row_id) for row_id in ids]
    with ThreadPoolExecutor(threads, thread_name_prefix="sweep") as pool:
        return list(pool.map(act, ids))


def is_due(row: Retried, *, now: datetime) -> bool:
    """Say, under the row's lock, whether it is still due: another sweep may just have taken it."""
    return row.due_at is not None and row.due_at <= now


def lease(row: Retried, *, now: datetime) -> None:
    """Take the row for the length of one outbound call: nobody else finds it due meanwhile.

    A crash during the call leaves the lease to run out, and the row is due again.
    """
    row.attempts += 1
    row.due_at = now + LEASE


def settle(row: Retried) -> None:
    """Nothing is left to do for this row."""
    row.due_at = None
    row.last_error = None


def postpone(row: Retried, why: str, *, now: datetime, by: timedelta | None = None) -> None:
    """Try again later: after `by`, or after a delay that doubles with each attempt."""
    row.last_error = why[:200]
    row.due_at = now + (by if by is not None else delay_after(row.attempts))
