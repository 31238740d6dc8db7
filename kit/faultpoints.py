"""Named places where a test may kill the process or raise; they do nothing in production."""

import os
import signal
from typing import Final

VARIABLE: Final = "FAULTPOINT"  # "name" or "name:n": kill at the n-th passage

_seen: dict[str, int] = {}


def faultpoint(name: str) -> None:
    """Kill this process with SIGKILL when the environment names this place; else do nothing."""
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return
    place, _, count = wanted.partition(":")
    if place != name:
        return
    _seen[name] = _seen.get(name, 0) + 1
    if _seen[name] == int(count or 1):
        os.kill(os.getpid(), signal.SIGKILL)
