"""Claims of one turn of the event loop are put to the gate together."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from flash_sale.admission import Silence, gate_claim
from flash_sale.gate import AsyncGate
from flash_sale.gate_wire import GateUnavailable, Verdict
from flash_sale.lane.tickets import Ticket

MOST_AT_ONCE: Final = 512
# Two: while Redis works on one question, the next one travels.
MOST_UNDER_WAY: Final = 2

# Campaign, tickets, and a verdict for each; no verdicts when the gate does not answer.
OnVerdicts = Callable[[UUID, Sequence[Ticket], Sequence[Verdict] | None], None]


class Asking:
    """Puts claims to the gate; while it answers one batch, the next one gathers."""

    def __init__(self, gate: AsyncGate, on_verdicts: OnVerdicts) -> None:
        """Nobody is asked yet."""
        self._gate = gate
        self._on_verdicts = on_verdicts
        self._waiting: dict[UUID, deque[Ticket]] = {}
        self._under_way: Counter[UUID] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self.silence = Silence()

    def ask(self, campaign_id: UUID, tickets: Sequence[Ticket]) -> None:
        """Have tickets judged, with whatever else comes in this turn of the loop."""
        waiting = self._waiting.get(campaign_id)
        if not tickets:
            return
        if waiting is None:
            self._waiting[campaign_id] = deque(tickets)
            asyncio.get_running_loop().call_soon(self._send, campaign_id)
        else:
            waiting.extend(tickets)

    def _send(self, campaign_id: UUID) -> None:
        waiting = self._waiting.get(campaign_id)
        if not waiting or self._under_way[campaign_id] >= MOST_UNDER_WAY:
            return
        batch = [waiting.popleft() for _ in range(min(len(waiting), MOST_AT_ONCE))]
        if not waiting:
            del self._waiting[campaign_id]
        if self.silence.is_on:
            self._on_verdicts(campaign_id, batch, None)
            asyncio.get_running_loop().call_soon(self._send, campaign_id)
            return
        self._under_way[campaign_id] += 1
        task = asyncio.create_task(self._ask_gate(campaign_id, batch))
        self._tasks.add(task)  # the loop alone would not keep it
        task.add_done_callback(self._tasks.discard)

    async def _ask_gate(self, campaign_id: UUID, batch: Sequence[Ticket]) -> None:
        verdicts: Sequence[Verdict] | None = None
        try:
            claims = [gate_claim(ticket.wanted) for ticket in batch]
            verdicts = await self._gate.admit(campaign_id, claims)
        except GateUnavailable:
            self.silence.begin()
        finally:
            self._under_way[campaign_id] -= 1
            if not self._under_way[campaign_id]:
                del self._under_way[campaign_id]
            self._on_verdicts(campaign_id, batch, verdicts)
            self._send(campaign_id)
