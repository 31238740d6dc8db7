"""Claims one by one, where no lane runs: through the gate, into the database, and back."""

import logging
from time import sleep
from typing import Final
from uuid import UUID

from flash_sale import committing, targets
from flash_sale.admission import (
    MAY_BE_REPEATED,
    PassedBy,
    Silence,
    Throttle,
    gate_claim,
    refusal_of,
)
from flash_sale.batch import Claimed, Outcome, Wanted, claimed_or_raise, recall_claim
from flash_sale.board import SaleBoard
from flash_sale.committing import ResultUnknown
from flash_sale.gate import Gate
from flash_sale.gate_wire import Filling, GateUnavailable, Verdict
from flash_sale.models import SaleMode
from flash_sale.rules import DrawnByLot, SoldOut
from kit.clock import Clock
from kit.db import Begin
from kit.errors import DomainError, Unavailable

log = logging.getLogger(__name__)

MOST_FILLS: Final = 5
FILL_AGAIN_SECONDS: Final = 0.05


class ClaimDesk:
    """Takes the claims of one process's threads; what comes back is true in the database."""

    def __init__(self, begin: Begin, gate: Gate, clock: Clock) -> None:
        """Keep what is needed; nobody is asked."""
        self._begin = begin
        self._gate = gate
        self._clock = clock
        self.board = SaleBoard(begin)
        self._throttle = Throttle()
        self._silence = Silence()
        self._passed_by = PassedBy()

    def claim(self, campaign_id: UUID, wanted: Wanted, *, offer_id: UUID | None = None) -> Claimed:
        """Claim units, or what an offer is for; raises what `commit_claims` tells, or `NoOffer`.

        `Unavailable` means that nothing is known to have happened: the same request may be sent
        again, and is answered with what it came to.
        """
        sale = self.board.get(campaign_id)
        if offer_id is not None:
            return committing.commit_offer(
                self._begin, campaign_id, offer_id, wanted, clock=self._clock
            )
        if sale.terms.mode is SaleMode.LOTTERY:
            return self._take_offer(campaign_id, wanted, DrawnByLot())
        verdict = self._find_verdict(campaign_id, wanted)
        if verdict is Verdict.MISSING:
            return claimed_or_raise(self._claim_without_gate(campaign_id, wanted))
        if verdict is Verdict.OFFERED:
            return self._take_offer(campaign_id, wanted, SoldOut())
        if verdict is not Verdict.ADMITTED:
            earlier = self._recall(campaign_id, wanted, verdict)
            return claimed_or_raise(earlier or refusal_of(verdict, sale))
        return claimed_or_raise(self._commit(campaign_id, wanted))

    def _find_verdict(self, campaign_id: UUID, wanted: Wanted) -> Verdict:
        """Return what the gate says; that it is missing, while it does not answer."""
        if self._silence.is_on:
            return Verdict.MISSING
        try:
            return self._admit(campaign_id, wanted)
        except GateUnavailable:
            self._silence.begin()
            log.warning("the gate does not answer: claims go to the database")
            return Verdict.MISSING

    def _admit(self, campaign_id: UUID, wanted: Wanted) -> Verdict:
        """Ask the gate; one that is lost is filled, by whoever notices first."""
        verdict = self._gate.admit(campaign_id, [gate_claim(wanted)])[0]
        for _ in range(MOST_FILLS):
            if verdict is not Verdict.MISSING:
                break
            filled = targets.fill_gate(
                self._begin, self._gate, campaign_id, is_full=True, clock=self._clock
            )
            if filled is Filling.BUSY:
                sleep(FILL_AGAIN_SECONDS)
            verdict = self._gate.admit(campaign_id, [gate_claim(wanted)])[0]
        return verdict

    def _commit(self, campaign_id: UUID, wanted: Wanted) -> Outcome:
        outcome = committing.commit_all(self._begin, campaign_id, [wanted], clock=self._clock)[0]
        if isinstance(outcome, ResultUnknown):
            return outcome  # the gate keeps the unit until it is known
        one = [gate_claim(wanted)]
        is_true = isinstance(outcome, Claimed)
        try:
            self._gate.settle(
                campaign_id, done=one if is_true else [], given_back=[] if is_true else one
            )
            if isinstance(outcome, SoldOut):  # the gate believed in a unit that is not there
                targets.fill_gate(self._begin, self._gate, campaign_id, clock=self._clock)
        except GateUnavailable:
            log.warning("the gate was not told of a claim: the next fill will")
        return outcome

    def _claim_without_gate(self, campaign_id: UUID, wanted: Wanted) -> Outcome:
        self._throttle.pass_one()
        outcome = committing.commit_without_gate(
            self._begin, campaign_id, wanted, clock=self._clock
        )
        if isinstance(outcome, Claimed):
            self._passed_by.add(wanted.member_id)
        return outcome

    def _take_offer(self, campaign_id: UUID, wanted: Wanted, else_raise: DomainError) -> Claimed:
        return committing.take_offer(
            self._begin, campaign_id, wanted, else_raise=else_raise, clock=self._clock
        )

    def _recall(self, campaign_id: UUID, wanted: Wanted, verdict: Verdict) -> Outcome | None:
        """Return what the same request came to before; only who may have claimed is looked up."""
        if verdict not in MAY_BE_REPEATED:
            return None
        is_known = verdict is Verdict.LIMIT or wanted.member_id in self._passed_by
        try:
            may_hold = (
                is_known
                or self._silence.leaves_doubt
                or bool(self._gate.holding(campaign_id, [wanted.member_id]))
            )
        except GateUnavailable as exc:  # "sold out" would be the last word, and may be wrong
            raise Unavailable(retry_after_seconds=1) from exc
        if not may_hold:
            return None
        with self._begin() as session:
            return recall_claim(session, campaign_id, wanted)
