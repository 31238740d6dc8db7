"""Request limits: a counter per key and window, in Redis by one script, or in the process."""

import threading
from dataclasses import dataclass
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from kit.clock import monotonic_seconds

# KEYS[1] counter · ARGV[1] window in seconds. Returns the count and the milliseconds left.
_COUNT: Final = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('PTTL', KEYS[1])}
"""
MOST_KEYS: Final = 10_000  # in a process; whoever comes after so many is refused


class LimiterUnavailable(Exception):
    """Redis did not answer, so nobody knows how often this was asked."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one more is allowed, and after how many seconds to come back if not."""

    allowed: bool
    retry_after_seconds: int


class RateLimiter:
    """Counts requests per key; what silence means is the caller's to say."""

    def __init__(self, redis: "Redis", *, prefix: str = "limit") -> None:
        """Keep the connection and register the script."""
        self._prefix = prefix
        self._count = redis.register_script(_COUNT)

    def hit(self, key: str, *, most: int, window_seconds: int) -> Verdict:
        """Count one request; raises `LimiterUnavailable` when Redis is out."""
        try:
            # The braces keep one key's counters on one slot of a cluster.
            count, left = self._count(
                keys=[f"{self._prefix}:{{{key}}}:{window_seconds}"], args=[window_seconds]
            )
        except RedisError as exc:
            raise LimiterUnavailable from exc
        return Verdict(int(count) <= most, max(1, -(-int(left) // 1000)))


class LocalLimiter:
    """Counts in this process alone, for what must be limited while Redis is out."""

    def __init__(self) -> None:
        """Start with nothing counted."""
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._window = -1

    def hit(self, key: str, *, most: int, window_seconds: int) -> Verdict:
        """Count one request; all is forgotten when the window ends."""
        now = monotonic_seconds()
        window = int(now // window_seconds)
        left = max(1, int((window + 1) * window_seconds - now))
        with self._lock:
            if window != self._window:
                self._window, self._counts = window, {}
            if key not in self._counts and len(self._counts) >= MOST_KEYS:
                return Verdict(allowed=False, retry_after_seconds=left)
            self._counts[key] = count = self._counts.get(key, 0) + 1
        return Verdict(count <= most, left)
