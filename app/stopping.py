"""Graceful stop: a process asked to end finishes the work it has claimed, and claims no more."""

import signal
import threading
from types import FrameType


class Stopping:
    """An event set by SIGTERM or SIGINT."""

    def __init__(self) -> None:
        """Start unset."""
        self._event = threading.Event()

    def listen(self) -> None:
        """Take over the two signals; main thread only."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def wait(self, seconds: float) -> bool:
        """Sleep up to `seconds`; return whether the process should end."""
        return self._event.wait(seconds)

    def set(self) -> None:
        """Ask for the end, as a signal would."""
        self._event.set()

    @property
    def is_set(self) -> bool:
        """Say whether the end was asked for."""
        return self._event.is_set()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._event.set()
