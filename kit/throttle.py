"""A pace for calls to a platform that limits them, slower for a while after it complains."""

import math
import threading
from collections.abc import Callable
from time import sleep
from typing import Final, TypeVar

from kit.clock import monotonic_seconds

SLOW_FOR_SECONDS: Final = 10.0

_Result = TypeVar("_Result")


class Throttle:
    """Lets calls through evenly, one token at a time; shared by the threads of one process.

    No token is saved up, so that no second has more than `per_second` of them.
    """

    def __init__(
        self,
        *,
        per_second: float,
        slow_per_second: float,
        slow_for_seconds: float = SLOW_FOR_SECONDS,
        clock: Callable[[], float] = monotonic_seconds,
        pause: Callable[[float], None] = sleep,
    ) -> None:
        """Set both paces, in calls a second, and for how long a complaint is minded."""
        self._spacing = 1 / per_second
        self._slow_spacing = 1 / slow_per_second
        self._slow_for_seconds = slow_for_seconds
        self._clock = clock
        self._pause = pause
        self._lock = threading.Lock()
        self._next_at = self._slow_until = -math.inf

    def run(self, call: Callable[[], _Result], *, slow_on: tuple[type[Exception], ...]) -> _Result:
        """Make the call when its turn has come; a failure in `slow_on` slows those after it."""
        self._wait()
        try:
            return call()
        except slow_on:
            self._slow_down()
            raise

    def _wait(self) -> None:
        while (seconds := self._take()) > 0:
            self._pause(seconds)

    def _take(self) -> float:
        """Take a token and return 0, or how long until there may be one."""
        with self._lock:
            now = self._clock()
            if now < self._next_at:
                return self._next_at - now
            is_slow = now < self._slow_until
            self._next_at = now + (self._slow_spacing if is_slow else self._spacing)
            return 0.0

    def _slow_down(self) -> None:
        with self._lock:
            now = self._clock()
            self._slow_until = now + self._slow_for_seconds
            # Those who wait already wait longer, too.
            self._next_at = max(self._next_at, now + self._slow_spacing)
