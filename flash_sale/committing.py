"""Committing claims whatever happens: one that fails takes no other with it."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from flash_sale import queries, waiting
from flash_sale.batch import (
    Claimed,
    Outcome,
    Wanted,
    claimed_or_raise,
    commit_claims,
    is_twin,
    recall_claim,
)
from flash_sale.rules import NoOffer, SoldOut
from kit.clock import Clock
from kit.db import Begin
from kit.errors import DomainError, Unavailable

log = logging.getLogger(__name__)


class ResultUnknown(Unavailable):
    """The database did not say whether it committed; the same request again will tell."""


def commit_all(
    begin: Begin, campaign_id: UUID, wanted: Sequence[Wanted], *, clock: Clock
) -> list[Outcome]:
    """Commit claims of one campaign together; return what became of each, at its place.

    When the whole cannot be committed, each is tried alone; `ResultUnknown` when even then the
    database does not answer.
    """
    try:
        with begin() as session:
            outcomes = commit_claims(session, campaign_id, wanted, now=clock())
    except DomainError as refusal:  # of the campaign, and so of everybody
        return [refusal] * len(wanted)
    except SQLAlchemyError as error:
        if len(wanted) == 1:
            return [explain(error)]
        log.warning("a batch of claims is tried one by one", extra={"why": type(error).__name__})
        return [commit_all(begin, campaign_id, [one], clock=clock)[0] for one in wanted]
    return [
        commit_all(begin, campaign_id, [one], clock=clock)[0] if is_twin(outcome) else outcome
        for one, outcome in zip(wanted, outcomes, strict=True)
    ]


def commit_offer(
    begin: Begin, campaign_id: UUID, wait_id: UUID, wanted: Wanted, *, clock: Clock
) -> Claimed:
    """Commit the claim of a unit that is set aside for the member; raises why it cannot be."""
    with begin() as session:
        now = clock()
        try:
            wait = waiting.take_offer(
                session, wait_id, campaign_id=campaign_id, member_id=wanted.member_id, now=now
            )
        except NoOffer:
            earlier = recall_claim(session, campaign_id, wanted)
            if earlier is None:
                raise
            return claimed_or_raise(earlier)
        if wanted.quantity != 1:
            raise NoOffer(reason="an offer is for one unit")
        waiting.finish_offer(session, wait, now=now)
        outcomes = commit_claims(session, campaign_id, [wanted], is_offer=True, now=now)
        return claimed_or_raise(outcomes[0])


def take_offer(
    begin: Begin, campaign_id: UUID, wanted: Wanted, *, else_raise: DomainError, clock: Clock
) -> Claimed:
    """Claim what the member is offered, whichever offer it is, or return what they claimed before.

    Raises `else_raise` when there is neither, and what `commit_offer` tells.
    """
    with begin() as session:
        offer_id = queries.find_offer(session, campaign_id, wanted.member_id)
        if offer_id is None:  # there was none, it has just been taken, or its time is over
            earlier = recall_claim(session, campaign_id, wanted)
            return claimed_or_raise(earlier or else_raise)
    return commit_offer(begin, campaign_id, offer_id, wanted, clock=clock)


def commit_without_gate(
    begin: Begin, campaign_id: UUID, wanted: Wanted, *, clock: Clock
) -> Outcome:
    """Commit a claim that no gate has let through: whoever waits still comes first.

    What its member is offered is taken, as behind the gate, and raises what `commit_offer` tells.
    Nobody is let in early, since only the gate counts the early units.
    """
    now = clock()
    with begin() as session:
        earlier = recall_claim(session, campaign_id, wanted)
        if earlier is not None:
            return earlier
        offer_id = queries.find_offer(session, campaign_id, wanted.member_id)
        sale = queries.get_sale(session, campaign_id)
        is_left = queries.count_open_units(session, sale, now=now) >= wanted.quantity
    if offer_id is not None:
        return commit_offer(begin, campaign_id, offer_id, wanted, clock=clock)
    if not is_left:
        return SoldOut()
    on_time = replace(wanted, is_early=False)
    return commit_all(begin, campaign_id, [on_time], clock=clock)[0]


def explain(error: SQLAlchemyError) -> DomainError:
    """Return what a failure of the database means to whoever claims."""
    log.warning("a claim was not committed", extra={"why": type(error).__name__})
    if isinstance(error, DBAPIError) and not error.connection_invalidated:
        return Unavailable(retry_after_seconds=1)
    return ResultUnknown(retry_after_seconds=1)
