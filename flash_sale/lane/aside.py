"""A few threads for what would hold up the event loop, and tasks that nobody waits for."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from flash_sale.batch import Outcome
from flash_sale.committing import explain
from kit.errors import DomainError, Unavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

MOST_WAITING: Final = 256


class Aside:
    """Threads for fills, offers, repeated claims and claims past the gate: all of it is rare."""

    def __init__(self, threads: int) -> None:
        """Start no thread before there is something to do."""
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="aside")
        self._waiting = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def do(self, work: Callable[..., T], *args: object) -> T:
        """Return what `work` returns or raises; `Unavailable` when too many wait already."""
        if self._waiting >= MOST_WAITING:
            raise Unavailable(retry_after_seconds=1)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)
        finally:
            self._waiting -= 1

    async def attempt(self, work: Callable[[], Outcome]) -> Outcome:
        """Return what became of a claim, whatever happens."""
        try:
            return await self.do(work)
        except DomainError as refusal:
            return refusal
        except SQLAlchemyError as error:
            return explain(error)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Have something done that nobody waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)  # the loop alone would not keep it
        task.add_done_callback(self._forget)

    async def close(self) -> None:
        """Wait for what was begun."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._pool.shutdown()

    def _forget(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a task of the lane failed", exc_info=task.exception())
