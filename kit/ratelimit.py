"""Request limits in Redis: a counter per key and window, in one script."""

from dataclasses import dataclass
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

# KEYS[1] counter · ARGV[1] window in seconds. Returns the count and the milliseconds left.
_COUNT: Final = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('PTTL', KEYS[1])}
"""


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
