"""Claims of one event loop: through the gate, into the database, and back, none waiting alone."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from flash_sale import committing, targets
from flash_sale.admission import MAY_BE_REPEATED, PassedBy, Throttle, gate_claim, refusal_of
from flash_sale.batch import Claimed, Outcome, Wanted, recall_claims
from flash_sale.board import SaleBoard
from flash_sale.committing import ResultUnknown
from flash_sale.gate import AsyncGate, Gate
from flash_sale.gate_wire import Filling, GateUnavailable, Verdict
from flash_sale.lane.aside import Aside
from flash_sale.lane.asking import Asking
from flash_sale.lane.outlook import Outlook
from flash_sale.lane.refilling import Refilling
from flash_sale.lane.tickets import Ticket, tell_all
from flash_sale.lane.writing import Writing
from flash_sale.models import SaleMode
from flash_sale.queries import Sale
from flash_sale.rules import DrawnByLot, SoldOut
from kit.database_clock import DatabaseClock
from kit.db import Begin
from kit.errors import DomainError, Unavailable

log = logging.getLogger(__name__)

WRITERS: Final = 2
ASIDE: Final = 2
CONNECTIONS: Final = WRITERS + ASIDE  # to the database, of one process
READ_EVERY_SECONDS: Final = 0.5


class LaneDesk:
    """Takes the claims of one event loop; what comes back is true in the database."""

    def __init__(
        self, begin: Begin, gate: AsyncGate, thread_gate: Gate, clock: DatabaseClock
    ) -> None:
        """Keep what is needed; nobody is asked. `thread_gate` is the same gate, for threads."""
        self._begin = begin
        self._gate = gate
        self._thread_gate = thread_gate
        self._clock = clock
        self._board = SaleBoard(begin)
        self._throttle = Throttle()
        self._passed_by = PassedBy()
        self._reading: dict[UUID, asyncio.Future[Sale]] = {}
        self.aside = Aside(ASIDE)
        self.outlook = Outlook(thread_gate)
        self._asking = Asking(gate, self._judged)
        self._writing = Writing(begin, self._written, threads=WRITERS, clock=clock)
        self._refilling = Refilling(
            self._fill_now, self.aside, ask=self._asking.ask, pass_by=self._pass_by
        )

    def is_sold_out(self, campaign_id: UUID, member_id: UUID, *, now: datetime) -> bool:
        """Say whether whoever claims without an offer is surely too late, asking nobody."""
        return member_id not in self._passed_by and self.outlook.is_sold_out(
            campaign_id, member_id, now=now
        )

    def peek_sale(self, campaign_id: UUID) -> Sale | None:
        """Return the sale as it was a moment ago, None when it must be read."""
        sale = self._board.peek(campaign_id)
        if sale is not None:
            self.outlook.note(campaign_id)
        return sale

    async def find_sale(self, campaign_id: UUID) -> Sale:
        """Return the sale as it was a moment ago; raises `CampaignNotFound`."""
        sale = self.peek_sale(campaign_id)
        if sale is not None:
            return sale
        reading = self._reading.get(campaign_id)
        if reading is None:  # a thousand may ask at once, and one reads
            reading = asyncio.ensure_future(self.aside.do(self._board.get, campaign_id))
            self._reading[campaign_id] = reading
            reading.add_done_callback(lambda _: self._reading.pop(campaign_id))
        sale = await asyncio.shield(reading)
        self.outlook.note(campaign_id)
        return sale

    async def claim(
        self, sale: Sale, wanted: Wanted, *, offer_id: UUID | None = None, now: datetime
    ) -> Outcome:
        """Claim units, or what an offer is for, as `ClaimDesk.claim`; `now` is when it came.

        Refusals are returned: raised, each would make garbage that only a collection finds.
        """
        if offer_id is not None:
            offer = self._work(committing.commit_offer, sale.campaign.id, offer_id, wanted)
            return await self.aside.attempt(offer)
        outcome = self.begin(sale, wanted, now=now)
        return await outcome if isinstance(outcome, asyncio.Future) else outcome

    def begin(
        self, sale: Sale, wanted: Wanted, *, now: datetime
    ) -> "DomainError | asyncio.Future[Outcome]":
        """Claim units without waiting: refuse at once, or return what the outcome will be in."""
        campaign_id = sale.campaign.id
        if sale.terms.mode is SaleMode.LOTTERY:
            return asyncio.ensure_future(self._take_offer(campaign_id, wanted, DrawnByLot()))
        if self.outlook.is_early(sale, wanted, now=now):
            return refusal_of(Verdict.NOT_STARTED, sale)
        if self._writing.is_full:
            return Unavailable(retry_after_seconds=1)
        ticket = Ticket(sale, wanted, asyncio.get_running_loop().create_future())
        self._asking.ask(campaign_id, (ticket,))
        return ticket.outcome

    async def open(self) -> None:
        """Set the clock by the database's, which may be out: then it is set later; look around."""
        await self.aside.do(self._clock)
        self.outlook.start()

    async def read_on(self) -> None:
        """Keep the clock, and the sales that are being asked for, in step with the database."""
        while True:
            await asyncio.sleep(READ_EVERY_SECONDS)
            try:
                await self.aside.do(self._clock)
                for campaign_id in self.outlook.hot():
                    await self.aside.do(self._board.get, campaign_id)
            except (SQLAlchemyError, DomainError) as error:
                log.warning("sales are not read", extra={"why": type(error).__name__})

    async def close(self) -> None:
        """Wait for what is being written, and tell the gate of it."""
        await asyncio.to_thread(self.outlook.stop)
        await asyncio.to_thread(self._writing.close)
        await asyncio.sleep(0)  # what was written is told in the loop's next turn
        await self.aside.close()

    def _judged(
        self, campaign_id: UUID, tickets: Sequence[Ticket], verdicts: Sequence[Verdict] | None
    ) -> None:
        """Send each claim where its verdict says."""
        if verdicts is None:
            log.warning("the gate does not answer: claims go to the database")
            self._pass_by(campaign_id, tickets)
            return
        judged: dict[Verdict, list[Ticket]] = {}
        for ticket, verdict in zip(tickets, verdicts, strict=True):
            judged.setdefault(verdict, []).append(ticket)
        ways: Mapping[Verdict, Callable[[UUID, Sequence[Ticket]], None]] = {
            Verdict.ADMITTED: self._writing.write,
            Verdict.MISSING: self._refilling.fill,
            Verdict.OFFERED: self._offered,
        }
        for verdict, those in judged.items():
            if verdict in ways:
                ways[verdict](campaign_id, those)
            elif verdict in MAY_BE_REPEATED:
                self.aside.spawn(self._recall(campaign_id, those, verdict), of=those)
            else:
                _refuse(those, verdict)

    def _offered(self, campaign_id: UUID, tickets: Sequence[Ticket]) -> None:
        async def take(ticket: Ticket) -> None:
            ticket.tell(await self._take_offer(campaign_id, ticket.wanted, SoldOut()))

        for ticket in tickets:
            self.aside.spawn(take(ticket), of=(ticket,))

    def _pass_by(self, campaign_id: UUID, tickets: Sequence[Ticket]) -> None:
        """Take to the database what the gate does not answer, as far as it can bear that."""

        async def commit(ticket: Ticket) -> None:
            work = self._work(committing.commit_without_gate, campaign_id, ticket.wanted)
            outcome = await self.aside.attempt(work)
            if isinstance(outcome, Claimed):
                self._passed_by.add(ticket.wanted.member_id)
            ticket.tell(outcome)

        for ticket in tickets:
            try:
                self._throttle.pass_one()
            except Unavailable as full:
                ticket.tell(full)
            else:
                self.aside.spawn(commit(ticket), of=(ticket,))

    async def _take_offer(
        self, campaign_id: UUID, wanted: Wanted, else_raise: DomainError
    ) -> Outcome:
        work = self._work(committing.take_offer, campaign_id, wanted)
        return await self.aside.attempt(partial(work, else_raise=else_raise))

    async def _recall(self, campaign_id: UUID, tickets: Sequence[Ticket], verdict: Verdict) -> None:
        """Tell those who may have claimed what the same claim came to, and refuse the others."""
        try:
            holding = await self._holding(campaign_id, tickets, verdict)
        except GateUnavailable:  # "sold out" would be the last word, and may be wrong
            tell_all(tickets, Unavailable(retry_after_seconds=1))
            return
        asked = [ticket for ticket in tickets if ticket.wanted.member_id in holding]
        _refuse([ticket for ticket in tickets if ticket.wanted.member_id not in holding], verdict)
        if not asked:
            return
        try:
            wanted = [ticket.wanted for ticket in asked]
            found = await self.aside.do(self._recall_now, campaign_id, wanted)
        except (DomainError, SQLAlchemyError) as failure:
            log.warning("claims are not recalled", extra={"why": type(failure).__name__})
            tell_all(asked, Unavailable(retry_after_seconds=1))
            return
        for place, ticket in enumerate(asked):
            ticket.tell(found.get(place) or refusal_of(verdict, ticket.sale))

    async def _holding(
        self, campaign_id: UUID, tickets: Sequence[Ticket], verdict: Verdict
    ) -> frozenset[UUID]:
        members = frozenset(ticket.wanted.member_id for ticket in tickets)
        # The gate has just said so, or was away, and claims may have gone past it elsewhere, too.
        if verdict is Verdict.LIMIT or self._asking.silence.leaves_doubt:
            return members
        passed_by = frozenset(one for one in members if one in self._passed_by)
        return passed_by | await self._gate.holding(campaign_id, members)

    def _recall_now(self, campaign_id: UUID, wanted: Sequence[Wanted]) -> Mapping[int, Outcome]:
        with self._begin() as session:
            return recall_claims(session, campaign_id, wanted)

    def _written(
        self, campaign_id: UUID, wanted: Sequence[Wanted], outcomes: Sequence[Outcome]
    ) -> None:
        self.aside.spawn(self._settle(campaign_id, wanted, outcomes))

    async def _settle(
        self, campaign_id: UUID, wanted: Sequence[Wanted], outcomes: Sequence[Outcome]
    ) -> None:
        """Tell the gate what became of the claims; it keeps those of which nobody knows."""
        pairs = list(zip(wanted, outcomes, strict=True))
        done = [gate_claim(one) for one, became in pairs if isinstance(became, Claimed)]
        back = [
            gate_claim(one)
            for one, became in pairs
            if not isinstance(became, Claimed | ResultUnknown)
        ]
        try:
            await self._gate.settle(campaign_id, done=done, given_back=back)
        except GateUnavailable:
            log.warning("the gate was not told of claims: the next fill will do it")
            return
        if any(isinstance(became, SoldOut) for became in outcomes):
            # The gate believed in units that are not there.
            await self._refilling.correct(campaign_id)

    def _fill_now(self, campaign_id: UUID, *, is_full: bool) -> Filling:
        return targets.fill_gate(
            self._begin, self._thread_gate, campaign_id, is_full=is_full, clock=self._clock
        )

    def _work(self, act: Callable[..., Outcome], *args: object) -> Callable[..., Outcome]:
        return partial(act, self._begin, *args, clock=self._clock)


def _refuse(tickets: Sequence[Ticket], verdict: Verdict) -> None:
    for ticket in tickets:
        ticket.tell(refusal_of(verdict, ticket.sale))
