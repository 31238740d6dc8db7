"""Slots: templates that make a campaign for each day they name, some time ahead."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from kit.clock import business_date
from kit.errors import NotFound
from kit.ids import new_id
from kit.outbox import emit
from kit.sweep import settle as nothing_left
from shop.campaigns import queries
from shop.campaigns.events import CampaignCopiedForSlot
from shop.campaigns.models import Campaign, Slot
from shop.campaigns.rules import BadPlan, Window, next_slot_day, slot_window
from shop.campaigns.service import MOST_NAME, copy_campaign

MONTH: Final = timedelta(days=30)
FORTNIGHT: Final = timedelta(days=14)


class SlotNotFound(NotFound):
    """There is no such slot."""

    code = "campaigns.slot_not_found"
    title = "Slot not found"
    message = "没有找到该场次"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotPlan:
    """Which days (Monday is 0), when in Shanghai, how long, and how long before it is made."""

    days: Collection[int]
    starts_minute: int
    lasts: timedelta
    warms: timedelta = timedelta(0)
    ahead: timedelta = timedelta(hours=24)


def open_slot(
    session: Session, model: Campaign, plan: SlotPlan, *, name: str, actor: str, now: datetime
) -> Slot:
    """Make a slot that copies `model`; its first campaign is made by the sweep. `BadPlan`."""
    days = sorted(set(plan.days))
    _check(plan, days, name)
    slot = Slot(
        id=new_id(),
        name=name,
        model_id=model.id,
        weekdays={"days": days},
        starts_minute=plan.starts_minute,
        lasts_seconds=int(plan.lasts.total_seconds()),
        warms_seconds=int(plan.warms.total_seconds()),
        ahead_hours=max(int(plan.ahead.total_seconds()) // 3600, 1),
        next_on=_first_day(plan, days, now=now),
        created_by=actor,
        created_at=now,
    )
    slot.due_at = _due_of(slot)
    session.add(slot)
    return slot


def close_slot(session: Session, slot_id: UUID) -> None:
    """Make no more campaigns; those that are made stay. Raises `SlotNotFound`."""
    slot = _lock_slot(session, slot_id)
    nothing_left(slot)


def fill_slot(
    session: Session, slot_id: UUID, *, fee_basis_points: int, now: datetime
) -> Campaign | None:
    """Draft the slot's next campaign, once per day, unless its window is over by now."""
    slot = _lock_slot(session, slot_id)
    if slot.due_at is None or slot.due_at > now:
        return None
    on, window = slot.next_on, _window_of(slot)
    slot.next_on = next_slot_day(on, slot.weekdays["days"])
    slot.due_at = _due_of(slot)
    if window.ends_at <= now:
        return None
    source = queries.lock_campaign(session, slot.model_id)
    campaign = copy_campaign(
        session,
        source,
        window=window,
        name=f"{slot.name[: MOST_NAME - len(' 06-18')]} {on:%m-%d}",
        actor=slot.created_by,
        now=now,
    )
    campaign.slot_id = slot.id
    campaign.slot_on = on
    emit(
        session,
        CampaignCopiedForSlot(
            str(campaign.id), campaign.kind.value, str(source.id), fee_basis_points
        ),
        now=now,
    )
    return campaign


def _check(plan: SlotPlan, days: list[int], name: str) -> None:
    if not days or not set(days) <= set(range(7)):
        raise BadPlan(reason="days are 0 (Monday) to 6 (Sunday)")
    if not 1 <= len(name.strip()) <= len(name) <= MOST_NAME:
        raise BadPlan(reason=f"it needs a name of up to {MOST_NAME} characters")
    if not 0 <= plan.starts_minute < 24 * 60:
        raise BadPlan(reason="it starts at a minute of the day")
    if not timedelta(minutes=1) <= plan.lasts <= MONTH:
        raise BadPlan(reason="it lasts a minute to 30 days")
    if not timedelta(0) <= plan.warms <= timedelta(days=7):
        raise BadPlan(reason="it warms up for 7 days at most")
    if not timedelta(0) <= plan.ahead <= FORTNIGHT:
        raise BadPlan(reason="a campaign is made up to 14 days ahead")


def _lock_slot(session: Session, slot_id: UUID) -> Slot:
    slot = session.get(Slot, slot_id, with_for_update=True, populate_existing=True)
    if slot is None:
        raise SlotNotFound
    return slot


def _first_day(plan: SlotPlan, days: Collection[int], *, now: datetime) -> date:
    on = next_slot_day(business_date(now) - timedelta(days=1), days)
    window = slot_window(on, starts_minute=plan.starts_minute, lasts=plan.lasts, warms=plan.warms)
    return on if window.starts_at > now else next_slot_day(on, days)


def _window_of(slot: Slot) -> Window:
    return slot_window(
        slot.next_on,
        starts_minute=slot.starts_minute,
        lasts=timedelta(seconds=slot.lasts_seconds),
        warms=timedelta(seconds=slot.warms_seconds),
    )


def _due_of(slot: Slot) -> datetime:
    window = _window_of(slot)
    return (window.warms_at or window.starts_at) - timedelta(hours=slot.ahead_hours)
