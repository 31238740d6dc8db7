"""Admitted claims are written by a few threads, each taking all that wait for one campaign."""

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
        self._idle = threads
        self._waiting: OrderedDict[UUID, deque[Ticket]] = OrderedDict()
        self._count = 0

    @property
    def is_full(self) -> bool:
        """Say whether so many wait that nobody else should."""
        return self._count >= MOST_WAITING

    def write(self, campaign_id: UUID, tickets: Sequence[Ticket]) -> None:
        """Have claims written; each ticket is told when it is true, or why it is not."""
        self._waiting.setdefault(campaign_id, deque()).extend(tickets)
        self._count += len(tickets)
        while self._idle and self._waiting:
            self._start()

    def close(self) -> None:
        """Wait for what is being written."""
        self._pool.shutdown()

    def _start(self) -> None:
        campaign_id, waiting = self._waiting.popitem(last=False)
        batch = [waiting.popleft() for _ in range(min(len(waiting), MOST_AT_ONCE))]
        if waiting:
            self._waiting[campaign_id] = waiting  # behind the other campaigns
        self._idle -= 1
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
        self._idle += 1
        self._count -= len(batch)
        while self._idle and self._waiting:
            self._start()
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
