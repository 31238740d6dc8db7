"""The sweeps of the flash sale: fill gates, lapse offers, offer what is free, remind."""

import logging
from datetime import datetime
from typing import Final
from uuid import UUID

from flash_sale import queries, reminding, targets, waiting
from flash_sale.gate import Gate
from flash_sale.gate_wire import GateUnavailable
from kit.clock import Clock
from kit.db import Begin
from kit.sweep import Swept, sweep

log = logging.getLogger(__name__)

FULL_EVERY_SECONDS: Final = 30


def fill_due_gates(begin: Begin, gate: Gate, *, clock: Clock, now: datetime) -> Swept:
    """Bring the gates of sales that are open, or open soon, to agree with the database."""
    with begin() as session:
        near = queries.list_near(session, until=now + targets.FILLED_BEFORE)
    is_full = now.second % FULL_EVERY_SECONDS == 0
    failed = 0
    for sale in near:
        try:
            targets.fill_gate(begin, gate, sale.campaign.id, is_full=is_full, clock=clock)
        except GateUnavailable:
            return Swept(0, len(near))  # and so for all the others; claims go to the database
        except Exception:
            failed += 1
            log.exception("a gate was not filled", extra={"campaign_id": str(sale.campaign.id)})
    return Swept(len(near) - failed, failed)


def lapse_due_offers(begin: Begin, *, now: datetime) -> Swept:
    """End offers whose time is over."""

    def act(wait_id: UUID) -> None:
        with begin() as session:
            waiting.lapse_offer(session, wait_id, now=now)

    return sweep(begin, queries.due_offers(now), act, name="lapse_due_offers")


def offer_due_units(begin: Begin, *, now: datetime) -> Swept:
    """Offer units that came back to those who wait for them."""

    def act(campaign_id: UUID) -> None:
        with begin() as session:
            waiting.offer_free_units(session, campaign_id, now=now)

    return sweep(begin, queries.queues(), act, name="offer_due_units")


def remind_due_members(begin: Begin, *, now: datetime) -> Swept:
    """Tell of members who want to know that a campaign opens in a few minutes."""

    def act(campaign_id: UUID) -> None:
        told = 1
        while told:
            with begin() as session:
                told = reminding.tell_due(session, campaign_id, now=now)

    return sweep(begin, queries.due_reminders(now), act, name="remind_due_members")
