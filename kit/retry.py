"""The one retry policy: how long a failed attempt waits before the next."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeVar

FIRST_DELAY: Final = timedelta(seconds=1)
LONGEST_DELAY: Final = timedelta(minutes=15)

_Result = TypeVar("_Result")


def delay_after(attempts: int) -> timedelta:
    """Return the wait after `attempts` failures: doubling, a second to 15 minutes, jittered."""
    doubled = FIRST_DELAY * (2 ** min(max(attempts - 1, 0), 12))
    wait: timedelta = min(doubled, LONGEST_DELAY)
    # A quarter of jitter keeps a thousand failed rows from all knocking again at once.
    return wait * (0.875 + random.random() / 4)  # noqa: S311 - spreading load is no secret


def try_again_once(call: Callable[[], _Result], *, on: tuple[type[Exception], ...]) -> _Result:
    """Make a harmless call (a read) a second time when the first ended in one of `on`."""
    try:
        return call()
    except on:
        return call()
