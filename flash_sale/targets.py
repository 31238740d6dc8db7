"""Reading from the database what gates must agree with, and having them filled by it."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from flash_sale import queries
from flash_sale.filling import LATE_SECONDS, PENDING_SECONDS
from flash_sale.gate import Gate
from flash_sale.gate_wire import Filling, GateState, GateTarget
from flash_sale.models import SaleMode
from flash_sale.queries import Sale
from kit.clock import Clock
from kit.db import Begin
from shop.campaigns import queries as campaigns
from shop.campaigns.models import CampaignStatus
from shop.cards import allotments

FILLED_BEFORE: Final = timedelta(minutes=10)  # the opening
# Longer than a fill may be late; members whose units ended before that are right already.
CHANGED_WITHIN: Final = timedelta(seconds=90)
# Who claimed while the gate was away is not known to it, and whose claim it was told nothing of is
# forgotten after a while.
CLAIMED_WITHIN: Final = timedelta(seconds=PENDING_SECONDS + LATE_SECONDS)


def read_target(session: Session, sale: Sale, *, is_full: bool, now: datetime) -> GateTarget:
    """Return what the gate of a sale must agree with; `now` was before anything was read."""
    campaign, terms = sale.campaign, sale.terms
    early_starts_at = campaign.starts_at - timedelta(seconds=terms.early_seconds)
    has_early = early_starts_at < campaign.starts_at and now < campaign.starts_at
    early_gone = (
        queries.count_claimed_before(session, campaign.id, campaign.starts_at) if has_early else 0
    )
    # Before the claims: an offer that is taken meanwhile is in one of the two readings, or in both.
    offers = queries.list_offers(session, campaign.id)
    held = (
        queries.count_held_by_member(session, campaign.id)
        if is_full
        else queries.count_held_of_changed(
            session,
            campaign.id,
            claimed_since=now - CLAIMED_WITHIN,
            ended_since=now - CHANGED_WITHIN,
        )
    )
    free = allotments.count_left(session, [sale.item.id], now=now).get(sale.item.id, 0)
    return GateTarget(
        campaign_id=campaign.id,
        read_at=now,
        starts_at=campaign.starts_at,
        ends_at=campaign.ends_at,
        state=_state_of(session, sale),
        limit_per_member=terms.limit_per_member,
        free_units=free,
        waiting_units=min(free, queries.count_waiting(session, campaign.id)),
        held_by_member=held,
        offers=offers,
        is_full=is_full,
        early_starts_at=early_starts_at if has_early else None,
        early_units=max(terms.early_units - early_gone, 0) if has_early else 0,
        shards=terms.shards,
    )


def fill_gate(
    begin: Begin, gate: Gate, campaign_id: UUID, *, is_full: bool = False, clock: Clock
) -> Filling:
    """Bring one gate to agree with the database, in full when it turns out to be lost.

    Raises `CampaignNotFound` when it is no published sale, or `GateUnavailable`.
    """
    now = clock()
    with begin() as session:
        sale = queries.get_sale(session, campaign_id)
        target = read_target(session, sale, is_full=is_full, now=now)
    filled = gate.fill(target, now=clock())
    if filled is Filling.NEEDS_FULL and not is_full:
        return fill_gate(begin, gate, campaign_id, is_full=True, clock=clock)
    return filled


def _state_of(session: Session, sale: Sale) -> GateState:
    if campaigns.find_stop(session) is not None:
        return GateState.STOPPED
    is_open = (
        sale.campaign.status
        in (CampaignStatus.SCHEDULED, CampaignStatus.WARMING, CampaignStatus.LIVE)
        and sale.terms.mode is SaleMode.RUSH
    )
    return GateState.OPEN if is_open else GateState.PAUSED
