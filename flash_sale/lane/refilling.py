"""A lost gate is filled once for all claims that noticed, and then asked again."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from flash_sale.committing import ResultUnknown, explain
from flash_sale.gate_wire import Filling, GateUnavailable
from flash_sale.lane.aside import Aside
from flash_sale.lane.tickets import Ticket, tell_all
from kit.errors import DomainError

log = logging.getLogger(__name__)

MOST_FILLS: Final = 5
AGAIN_SECONDS: Final = 0.05
# By then a reading has all that a lost gate may have been told nothing of.
SURE_SECONDS: Final = 0.1

FillNow = Callable[..., Filling]  # of a campaign, `is_full` or not; runs in a thread
Go = Callable[[UUID, Sequence[Ticket]], None]


class Refilling:
    """Fills gates; while one is being filled, whoever else misses it waits for the same fill."""

    def __init__(self, fill_now: FillNow, aside: Aside, *, ask: Go, pass_by: Go) -> None:
        """Claims go on to `ask` when their gate is filled, to `pass_by` when it cannot be."""
        self._fill_now = fill_now
        self._aside = aside
        self._ask = ask
        self._pass_by = pass_by
        self._waiting: dict[UUID, list[Ticket]] = {}

    def fill(self, campaign_id: UUID, tickets: Sequence[Ticket]) -> None:
        """Fill the gate in full for these claims."""
        waiting = self._waiting.get(campaign_id)
        if waiting is not None:
            waiting.extend(tickets)
            return
        self._waiting[campaign_id] = list(tickets)
        self._aside.spawn(self._fill_and_ask(campaign_id))

    async def correct(self, campaign_id: UUID) -> None:
        """Bring the gate, which was wrong by a little, to agree with the database."""
        try:
            await self._aside.do(partial(self._fill_now, campaign_id, is_full=False))
        except (GateUnavailable, SQLAlchemyError, DomainError):
            log.warning("the gate was not put right: the next fill will do it")

    async def _fill_and_ask(self, campaign_id: UUID) -> None:
        try:
            filled = await self._aside.do(partial(self._fill_now, campaign_id, is_full=True))
            if filled is Filling.BUSY:
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                self._aside.spawn(self._make_sure(campaign_id))
        except GateUnavailable:
            self._pass_by(campaign_id, self._waiting.pop(campaign_id))
        except DomainError as refusal:
            tell_all(self._waiting.pop(campaign_id), refusal)
        except SQLAlchemyError as error:
            tell_all(self._waiting.pop(campaign_id), explain(error))
        else:
            self._go_on(campaign_id, self._waiting.pop(campaign_id))
        finally:  # whatever else went wrong
            tell_all(self._waiting.pop(campaign_id, ()), ResultUnknown(retry_after_seconds=1))

    async def _make_sure(self, campaign_id: UUID) -> None:
        """Fill it once more, after which it knows again who holds units; the sweep may be late."""
        await asyncio.sleep(SURE_SECONDS)
        await self.correct(campaign_id)

    def _go_on(self, campaign_id: UUID, tickets: Sequence[Ticket]) -> None:
        for ticket in tickets:
            ticket.fills += 1
        self._ask(campaign_id, [one for one in tickets if one.fills <= MOST_FILLS])
        self._pass_by(campaign_id, [one for one in tickets if one.fills > MOST_FILLS])
