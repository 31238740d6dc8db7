"""Sweeps: take the ids of due rows, then act on each alone, so that one bad row stops no other."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, String
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Begin
from kit.retry import delay_after

log = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=60)  # longer than any outbound call may take


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
    begin: Begin, due: Select[Any], act: Callable[[UUID], None], *, name: str, most: int = 200
) -> Swept:
    """Run `act` on each due id; a failure is logged and leaves its row due for a later sweep."""
    with begin() as session:
        ids = session.scalars(due.limit(most)).all()
    failed = 0
    for row_id in ids:
        try:
            act(row_id)
        except Exception:
            failed += 1
            log.exception("sweep failed on a row", extra={"sweep": name, "row_id": str(row_id)})
    return Swept(done=len(ids) - failed, failed=failed)


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
