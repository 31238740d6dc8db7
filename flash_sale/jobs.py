"""The sweeps of the flash sale: fill gates, lapse offers, offer what is free, remind."""

from datetime import datetime
from uuid import UUID

from flash_sale import queries, reminding, waiting
from kit.db import Begin
from kit.sweep import Swept, sweep


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
