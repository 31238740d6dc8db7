"""Admitted claims are written by a few threads, each taking all that wait for one campaign.

A batch costs some milliseconds whatever its size, so a thread begins when enough have gathered or
the first has waited a few milliseconds; while one writes, the next one gathers.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final
from uuid import UUID

from flash_sale.batch import Outcome, Wanted
from flash_sale.committing import ResultUnknown, commit_all
from flash_sale.lane.tickets import Ticket
from kit.clock import Clock
from kit.db import Begin

log = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 256
ENOUGH: Final = 128
GATHER_SECONDS: Final = 0.004
# More than some seconds' worth of work: those who come then are told to come back.
MOST_WAITING: Final = 8192

# Campaign, claims, and what became of each.
OnWritten = Callable[[UUID, Sequence[Wanted], Sequence[Outcome]], None]


class Writing:
    """The group commit of one process: what waits while a batch is written is the next batch."""

    def __init__(self, begin: Begin, on_written: OnWritten, *, threads: int, clock: Clock) -> None:
        """Start no thread before there is something to write."""
        self._begin = begin
        self._clock = clock
        self._on_written = on_written
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="commit")
        self._threads = threads
        self._writing = 0
        self._waiting: OrderedDict[UUID, deque[Ticket]] = OrderedDict()
        self._gathered = 0
        self._count = 0  # of those who wait, and those who are being written
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_full(self) -> bool:
        """Say whether so many wait that nobody else should."""
        return self._count >= MOST_WAITING

    def write(self, campaign_id: UUID, tickets: Sequence[Ticket]) -> None:
        """Have claims written; each ticket is told when it is true, or why it is not."""
        self._waiting.setdefault(campaign_id, deque()).extend(tickets)
        self._count += len(tickets)
        self._gathered += len(tickets)
        self._go_on()

    def close(self) -> None:
        """Wait for what is being written."""
        self._pool.shutdown()

    def _go_on(self) -> None:
        """Begin what need not wait, and see to it that nobody waits for long."""
        while self._gathered >= ENOUGH and self._writing < self._threads:
            self._start()
        if self._gathered and not self._writing and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(GATHER_SECONDS, self._end_gathering)

    def _end_gathering(self) -> None:
        self._timer = None
        while self._gathered and self._writing < self._threads:
            self._start()

    def _start(self) -> None:
        campaign_id, waiting = self._waiting.popitem(last=False)
        batch = [waiting.popleft() for _ in range(min(len(waiting), MOST_AT_ONCE))]
        if waiting:
            self._waiting[campaign_id] = waiting  # behind the other campaigns
        self._gathered -= len(batch)
        self._writing += 1
        wanted = [ticket.wanted for ticket in batch]
        work = partial(commit_all, self._begin, campaign_id, wanted, clock=self._clock)
        done = asyncio.get_running_loop().run_in_executor(self._pool, work)
        done.add_done_callback(partial(self._finish, campaign_id, batch))

    def _finish(
        self,
        campaign_id: UUID,
        batch: Sequence[Ticket],
        done: "asyncio.Future[list[Outcome]]",
    ) -> None:
        self._writing -= 1
        self._count -= len(batch)
        self._go_on()
        outcomes = _outcomes_of(done, len(batch))
        for ticket, outcome in zip(batch, outcomes, strict=True):
            ticket.tell(outcome)
        self._on_written(campaign_id, [ticket.wanted for ticket in batch], outcomes)


def _outcomes_of(done: "asyncio.Future[list[Outcome]]", count: int) -> Sequence[Outcome]:
    if done.cancelled():
        return [ResultUnknown(retry_after_seconds=1)] * count
    failure = done.exception()
    if failure is None:
        return done.result()
    log.error("a batch of claims failed", exc_info=failure)
    return [ResultUnknown(retry_after_seconds=1)] * count
