"""What everybody may see of a group, as text kept for a moment: hot groups cost no query."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Final
from uuid import UUID

from redis import Redis
from redis.exceptions import RedisError

from kit.clock import monotonic_seconds

SHARED_FOR: Final = timedelta(seconds=2)
OWN_FOR_SECONDS: Final = 0.25
MOST_KEPT: Final = 1000


class ProgressBoard:
    """Group id → what is shown, in this process for a blink, in Redis for two seconds.

    Whoever changes a group wipes it; a reader who comes first writes it again. Without Redis the
    blink alone is left, and more readers ask the database.
    """

    def __init__(self, redis: "Redis") -> None:
        """Start empty."""
        self._redis = redis
        self._own: dict[UUID, tuple[float, str]] = {}
        self._turn = threading.Lock()

    def read(self, group_id: UUID, make: Callable[[], str]) -> str:
        """Return what is shown of the group, made by `make` when nobody has it."""
        kept = self.peek(group_id)
        if kept is not None:
            return kept
        shown = self._read_shared(group_id)
        if shown is None:
            shown = make()
            self._write_shared(group_id, shown)
        with self._turn:
            if len(self._own) >= MOST_KEPT:
                self._own.clear()
            self._own[group_id] = (monotonic_seconds() + OWN_FOR_SECONDS, shown)
        return shown

    def peek(self, group_id: UUID) -> str | None:
        """Return what this process shows of the group, asking nobody; None when that is too old."""
        kept = self._own.get(group_id)
        return kept[1] if kept is not None and monotonic_seconds() < kept[0] else None

    def wipe(self, group_id: UUID) -> None:
        """Forget a group that has just changed."""
        with self._turn:
            self._own.pop(group_id, None)
        try:
            self._redis.delete(_key(group_id))
        except RedisError:
            return  # it is forgotten by itself in two seconds

    def _read_shared(self, group_id: UUID) -> str | None:
        try:
            text = self._redis.get(_key(group_id))
        except RedisError:
            return None
        return text.decode() if isinstance(text, bytes) else None

    def _write_shared(self, group_id: UUID, shown: str) -> None:
        try:
            self._redis.set(_key(group_id), shown, px=SHARED_FOR)
        except RedisError:
            return  # the next reader asks the database, too


def _key(group_id: UUID) -> str:
    return f"group:{{{group_id}}}"
