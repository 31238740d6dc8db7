"""The sweeps of campaigns: pass edges that are due, make the campaigns of slots."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from kit.db import Begin
from kit.sweep import Swept, postpone, sweep
from shop.campaigns import queries, slots, turning
from shop.campaigns.models import Campaign

log = logging.getLogger(__name__)

BATCH: Final = 500
MOST_ROUNDS: Final = 200  # of one ring; whatever is left is due at the next


def turn_due_campaigns(begin: Begin, *, now: datetime) -> Swept:
    """Pass every edge that is due, after an outage several of one campaign, each in its order."""
    with begin() as session:
        if session.scalar(queries.due_to_turn(now).limit(1)) is None:
            return Swept(0, 0)  # as nearly always, ten times a second
    done = failed = 0
    for _ in range(MOST_ROUNDS):
        turned, broken = _turn_some(begin, now=now)
        done += turned
        failed += broken
        if turned == 0:
            break  # nothing is due, others hold the rest, or it is postponed
    return Swept(done, failed)


def fill_due_slots(begin: Begin, *, fee_basis_points: int, now: datetime) -> Swept:
    """Make the campaigns of slots whose time has come, to be published at that fee."""

    def act(slot_id: UUID) -> None:
        with begin() as session:
            slots.fill_slot(session, slot_id, fee_basis_points=fee_basis_points, now=now)

    return sweep(begin, queries.due_slots(now), act, name="fill_due_slots")


def _turn_some(begin: Begin, *, now: datetime) -> tuple[int, int]:
    ids: Sequence[UUID] = ()
    # What other schedulers hold is left out, so that each takes a batch of its own; those who
    # open a group just now refer to the row, and do not keep it from turning.
    due = queries.due_to_turn(now).limit(BATCH).with_for_update(skip_locked=True, key_share=True)
    try:
        with begin() as session:
            queries.wait_for_stopping(session)  # else we would wait for each other in a ring
            ids = session.scalars(due).all()
            return (turning.turn(session, ids, now=now) if ids else 0), 0
    except Exception:
        log.exception("a batch of campaigns did not turn; each is tried alone")
    results = [_turn_alone(begin, campaign_id, now=now) for campaign_id in ids]
    return results.count(1), results.count(-1)


def _turn_alone(begin: Begin, campaign_id: UUID, *, now: datetime) -> int:
    """Return 1 when it turned, 0 when there was nothing to do, -1 when it failed."""
    try:
        with begin() as session:
            return turning.turn(session, [campaign_id], now=now)
    except Exception as exc:
        log.exception("a campaign did not turn", extra={"campaign_id": str(campaign_id)})
        with begin() as session:
            _note_failure(session, campaign_id, type(exc).__name__, now=now)
        return -1


def _note_failure(session: Session, campaign_id: UUID, why: str, *, now: datetime) -> None:
    campaign = session.get(Campaign, campaign_id, with_for_update=True)
    if campaign is not None and campaign.due_at is not None:
        campaign.attempts += 1
        postpone(campaign, why, now=now)
