"""Notices that were rejected unread: written down now and then, since anybody may send them."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from kit.db import Begin
from shop.payments import service

WRITTEN_EVERY: Final = timedelta(minutes=1)


class Rejections:
    """What this process rejected lately; one row for a reason and a minute says how many more.

    The rows stay for ever, and whoever finds the address could fill the disk with them. All are
    counted.
    """

    def __init__(self, count: Callable[[str, str], None] | None = None) -> None:
        """Start with nothing; `count` hears of each one, written down or not."""
        self._count = count
        self._turn = threading.Lock()
        self._written_at: dict[tuple[str, str], datetime] = {}
        self._left_out: dict[tuple[str, str], int] = {}

    def note(self, begin: Begin, source: str, reason: str, *, now: datetime) -> None:
        """Write a rejection down as a security event, unless that was just done."""
        if self._count is not None:
            self._count(str(source), reason)
        what = str(source), reason
        with self._turn:
            written_at = self._written_at.get(what)
            if written_at is not None and now < written_at + WRITTEN_EVERY:
                self._left_out[what] = self._left_out.get(what, 0) + 1
                return
            self._written_at[what] = now
            left_out = self._left_out.pop(what, 0)
        detail = {"channel": str(source), "left_out": left_out}
        with begin() as session:
            service.note_security_event(
                session,
                kind=f"notice.{reason}"[:64],
                subject=str(source),
                detail=detail,
                now=now,
            )
