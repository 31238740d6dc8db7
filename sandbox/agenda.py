"""What the sandbox does later by itself: a heap of due tasks, one thread, a few workers."""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

logger = logging.getLogger("sandbox.agenda")

Task = Callable[[], None]


class Agenda:
    """Runs tasks at wall-clock seconds; the rows they work on live in the store, not here."""

    def __init__(self, workers: int = 16) -> None:
        self._due: list[tuple[float, int, Task]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._ended = False
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="sandbox-agenda")
        self._thread = threading.Thread(target=self._run, name="sandbox-agenda", daemon=True)

    def start(self) -> None:
        """Begin to ring; call once."""
        self._thread.start()

    def at(self, due: float, task: Task) -> None:
        """Run `task` at `due` (seconds since the epoch), or at once when that is past."""
        with self._changed:
            heapq.heappush(self._due, (due, next(self._order), task))
            self._changed.notify()

    def after(self, seconds: float, task: Task) -> None:
        """Run `task` in `seconds`."""
        self.at(time.time() + seconds, task)

    def clear(self) -> None:
        """Forget everything that is not running."""
        with self._changed:
            self._due.clear()

    def close(self) -> None:
        """Stop ringing and wait for running tasks."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()
        self._workers.shutdown(wait=True, cancel_futures=True)

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._ended:
                    return
                wait_seconds = self._due[0][0] - time.time() if self._due else None
                if wait_seconds is None or wait_seconds > 0:
                    self._changed.wait(wait_seconds)
                    continue
                task = heapq.heappop(self._due)[2]
            self._workers.submit(self._guarded, task)

    @staticmethod
    def _guarded(task: Task) -> None:
        try:
            task()
        except Exception:
            logger.exception("a task of the sandbox failed")
