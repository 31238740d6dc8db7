"""Readings kept for a moment in the process: any number may look at the cost of a few."""

import threading
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

from kit.clock import monotonic_seconds

MOST_KEPT: Final = 1000

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """Key → what was read lately."""

    def __init__(self, *, seconds: float) -> None:
        """Start empty; a reading is shown for so long."""
        self._seconds = seconds
        self._kept: dict[Key, tuple[float, Value]] = {}
        self._turn = threading.Lock()

    def get(self, key: Key, read: Callable[[], Value]) -> Value:
        """Return the reading of this moment, or the one that `read` makes."""
        kept = self._kept.get(key)
        if kept is not None and monotonic_seconds() < kept[0]:
            return kept[1]
        value = read()  # outside the lock: two may read at once, and nobody waits for another
        with self._turn:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[key] = (monotonic_seconds() + self._seconds, value)
        return value
