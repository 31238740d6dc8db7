"""The one access token that every process shares: kept in Redis, fetched under a lock."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

from kit.clock import monotonic_seconds
from kit.crypto import new_token, same

RENEWED_BEFORE_SECONDS: Final = 300  # the platform hands out the next one this long before
LOCK_SECONDS: Final = 20
LOOK_AGAIN_SECONDS: Final = 0.05
ALONE_SECONDS: Final = 60

# KEYS[1] key · ARGV[1] the value it must hold to be deleted.
_DELETE_IF: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token as the platform gave it."""

    token: str = field(repr=False)
    expires_in_seconds: int


Fetch = Callable[[], IssuedToken]


class TokenKeeper:
    """Hands out the shared token.

    `fetch` must be a call that many processes may make at once and that gives all of them the same
    token (`stable_token` without force): then a broken lock or a lost Redis costs a call, nothing
    more. What `fetch` raises passes through.
    """

    def __init__(self, redis: "Redis", *, name: str, fetch: Fetch) -> None:
        """Keep the connection; `name` tells applications apart."""
        self._redis = redis
        # The braces keep both keys on one slot of a cluster.
        self._key = f"wechat-token:{{{name}}}"
        self._lock_key = f"wechat-token-lock:{{{name}}}"
        self._fetch = fetch
        self._delete_if = redis.register_script(_DELETE_IF)
        self._alone = threading.Lock()
        self._own: IssuedToken | None = None
        self._own_until = 0.0

    def current(self) -> str:
        """Return a token that is good for minutes to come."""
        try:
            return self._shared() or self._fetch_for_all()
        except RedisError:
            return self._without_redis()

    def renew(self, refused: str) -> str:
        """Return another token than the one the platform refused, unless it insists on that one."""
        with self._alone:
            if self._own is not None and same(self._own.token, refused):
                self._own = None
        try:
            self._delete_if(keys=[self._key], args=[refused])
        except RedisError:
            return self._without_redis()
        return self.current()

    def _shared(self) -> str | None:
        value: Any = self._redis.get(self._key)
        return value.decode() if isinstance(value, bytes) else value

    def _fetch_for_all(self) -> str:
        """One process asks, the others wait for what it stores."""
        mark = new_token()
        gives_up_at = monotonic_seconds() + LOCK_SECONDS
        while monotonic_seconds() < gives_up_at:
            if self._redis.set(self._lock_key, mark, nx=True, ex=LOCK_SECONDS):
                try:
                    return self._shared() or self._fetch_and_store()
                finally:
                    self._delete_if(keys=[self._lock_key], args=[mark])
            time.sleep(LOOK_AGAIN_SECONDS)
            if token := self._shared():
                return token
        return self._fetch_and_store()

    def _fetch_and_store(self) -> str:
        issued = self._fetch()
        seconds = max(issued.expires_in_seconds - RENEWED_BEFORE_SECONDS, 1)
        self._redis.set(self._key, issued.token, ex=seconds)
        return issued.token

    def _without_redis(self) -> str:
        """Each process asks for itself, once a minute."""
        with self._alone:
            if self._own is None or monotonic_seconds() >= self._own_until:
                self._own = self._fetch()
                self._own_until = monotonic_seconds() + ALONE_SECONDS
            return self._own.token
