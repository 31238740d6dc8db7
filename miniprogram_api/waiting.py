"""Waiting a little for an order to change, by at most one request of a process at a time."""

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from kit.clock import monotonic_seconds

LOOK_EVERY_SECONDS: Final = 0.25

Seen = TypeVar("Seen")

# A waiting request holds one of the few threads that serve; a second one is answered at once.
place = threading.Semaphore(1)


def wait_for_change(look: Callable[[], Seen], seconds: float) -> None:
    """Return when `look` sees something new, when the time is over, or at once when it is busy."""
    if seconds <= 0 or not place.acquire(blocking=False):
        return
    try:
        first = look()
        until = monotonic_seconds() + seconds
        while monotonic_seconds() < until:
            time.sleep(LOOK_EVERY_SECONDS)
            if look() != first:
                return
    finally:
        place.release()
