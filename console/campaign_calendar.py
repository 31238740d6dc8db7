"""The calendar of campaigns: a day or a week in Shanghai, with what clashes marked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from flask import render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from console import asked
from console.door import make_room, may
from console.ports import now, ports
from kit.clock import SHANGHAI, business_date, business_day_bounds
from shop.campaigns import clashes, queries
from shop.campaigns.models import Campaign, CampaignKind, Slot
from shop.campaigns.rules import Window
from shop.operators.rules import Permission
from shop.outreach import clashes as push_clashes

MOST: Final = 300  # campaigns of one page
HOURS: Final = 24
ONE_DAY: Final = timedelta(days=1)
YEARS: Final = range(2020, 2101)
VIEWS: Final = ("week", "day")

blueprint = make_room("campaign_calendar")


@dataclass(frozen=True, slots=True)
class Bar:
    """A campaign on one day: in which hours, and whether it goes on from or into another day."""

    campaign: Campaign
    from_hour: int
    hours: int
    starts_before: bool
    ends_after: bool


@dataclass(frozen=True, slots=True)
class Clash:
    """What a campaign clashes by, and the names of those it clashes with."""

    kind: str
    names: Sequence[str]


@blueprint.get("/campaigns/calendar")
@may(Permission.CAMPAIGNS)
def show() -> str:
    """Show a day or a week; the address says which."""
    today = business_date(now())
    view = request.args.get("view", "")
    view = view if view in VIEWS else VIEWS[0]
    on, kind = _day_of("on") or today, asked.choice_of(CampaignKind, "kind")
    first = on if view == "day" else on - timedelta(days=on.weekday())
    days = [first + n * ONE_DAY for n in range(1 if view == "day" else 7)]
    step = len(days) * ONE_DAY
    with ports().begin() as session:
        window = Window(business_day_bounds(days[0])[0], business_day_bounds(days[-1])[1])
        found = queries.list_between(session, window, kind=kind, limit=MOST + 1)
        shown = found[:MOST]
        return render_template(
            "console/campaign_calendar.html",
            view=view,
            on=on,
            today=today,
            kind=kind,
            kinds=CampaignKind,
            days=[(day, _bars(shown, day)) for day in days],
            hours=range(HOURS),
            earlier=on - step,
            later=on + step,
            has_more=len(found) > MOST,
            most=MOST,
            clashes=_clashes(session, shown),
            slots=_slots(session, shown),
            soon_minutes=push_clashes.WITHIN // timedelta(minutes=1),
            most_sales=clashes.MOST_SALES,
        )


def _day_of(name: str) -> date | None:
    try:
        day = date.fromisoformat(request.args.get(name, "").strip())
    except ValueError:
        return None
    return day if day.year in YEARS else None


def _bars(campaigns: Sequence[Campaign], day: date) -> list[Bar]:
    start, end = business_day_bounds(day)
    there = [one for one in campaigns if one.starts_at < end and one.ends_at > start]
    return [_bar(one, start, end) for one in there]


def _bar(campaign: Campaign, start: datetime, end: datetime) -> Bar:
    """Return where on the day a campaign is; what takes part of an hour takes its column."""
    first = max(campaign.starts_at, start).astimezone(SHANGHAI).hour
    last = (min(campaign.ends_at, end) - timedelta(microseconds=1)).astimezone(SHANGHAI).hour
    return Bar(
        campaign=campaign,
        from_hour=first,
        hours=last - first + 1,
        starts_before=campaign.starts_at < start,
        ends_after=campaign.ends_at > end,
    )


def _clashes(session: Session, campaigns: Sequence[Campaign]) -> Mapping[UUID, list[Clash]]:
    """Return campaign id → what it clashes by, worst first."""
    items = queries.list_items(session, [one.id for one in campaigns])
    skus = {found: {item.sku_id for item in each} for found, each in items.items()}
    names = {one.id: one.name for one in campaigns}
    marked: dict[UUID, list[Clash]] = {}
    for kind, others in (
        ("same_sku", clashes.same_skus(campaigns, skus)),
        ("same_chat_groups", push_clashes.same_chat_groups(session, campaigns)),
        ("crowd", clashes.crowds(campaigns)),
    ):
        for campaign_id, ids in others.items():
            told = Clash(kind, sorted(names[one] for one in ids))
            marked.setdefault(campaign_id, []).append(told)
    return marked


def _slots(session: Session, campaigns: Sequence[Campaign]) -> Mapping[UUID, str]:
    """Return slot id → its name, of these campaigns."""
    ids = {one.slot_id for one in campaigns if one.slot_id is not None}
    rows = session.execute(select(Slot.id, Slot.name).where(Slot.id.in_(ids)))
    return {slot_id: name for slot_id, name in rows}  # noqa: C416 - typed
