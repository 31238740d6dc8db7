"""Call limits of the platforms: so many calls of a key in a sliding window."""

import threading
import time
from collections import deque


class CallLimits:
    """Counts in memory by the wall clock; a restart forgives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[str, deque[float]] = {}

    def allow(self, key: str, most: int, window_seconds: float) -> bool:
        """Count this call; False when it is one too many (it is then not counted)."""
        now = time.monotonic()
        with self._lock:
            calls = self._calls.setdefault(key, deque())
            while calls and now - calls[0] >= window_seconds:
                calls.popleft()
            if len(calls) >= most:
                return False
            calls.append(now)
            return True

    def reached(self, key: str, most: int, window_seconds: float) -> bool:
        """Would another call be too many? Nothing is counted."""
        now = time.monotonic()
        with self._lock:
            calls = self._calls.get(key, ())
            return sum(1 for at in calls if now - at < window_seconds) >= most

    def clear(self) -> None:
        """Forget every call."""
        with self._lock:
            self._calls.clear()
