"""Pure rules of campaigns: windows, phases, who may buy now, the next edge, days of a slot."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from kit.clock import SHANGHAI
from kit.errors import Conflict, Malformed
from shop.campaigns.models import Campaign, CampaignKind, CampaignStatus, Edge

S = CampaignStatus

LONGEST_WINDOW: Final = timedelta(days=90)
OVER: Final = (S.ENDED, S.SETTLED, S.CANCELLED)

# By which edge a campaign leaves a status, and where it then stands.
_EDGE_OUT_OF: Final = {
    S.WARMING: (Edge.OPEN, S.LIVE),
    S.LIVE: (Edge.END, S.ENDED),
    S.PAUSED: (Edge.END, S.ENDED),
    S.ENDED: (Edge.SETTLE, S.SETTLED),
}


# In which statuses buyers are taken once it is time: of a flash sale the clock opens the door to
# the moment, of a group-buy the sweep does.
_BUYERS_TAKEN: Final = {
    CampaignKind.GROUP_BUY: (S.LIVE,),
    CampaignKind.FLASH_SALE: (S.SCHEDULED, S.WARMING, S.LIVE),
}


class BadPlan(Malformed):
    """The window, the warm-up, the items or a limit make no sense; `reason` says which."""

    code = "campaigns.bad_plan"
    title = "The plan of the campaign makes no sense"
    message = "活动设置有误"


class NotStarted(Conflict):
    """The campaign has not opened."""

    code = "not_started"
    title = "The campaign has not started"
    message = "活动尚未开始"


class Ended(Conflict):
    """The campaign's window is over."""

    code = "ended"
    title = "The campaign has ended"
    message = "活动已结束"


class Paused(Conflict):
    """The campaign is paused; `details["reason"]` may be shown."""

    code = "paused"
    title = "The campaign is paused"
    message = "活动已暂停"


class NotForYou(Conflict):
    """The campaign is for an audience that the member is not of."""

    code = "campaigns.not_for_you"
    title = "The campaign is for new members"
    message = "该活动仅限新会员参加"


class CampaignLimitReached(Conflict):
    """The member's limit in the campaign would be passed."""

    code = "limit_reached"
    title = "The limit of this campaign is reached"
    message = "已达到本活动的购买上限"


class Phase(StrEnum):
    """What a member sees of a campaign's life."""

    UPCOMING = "upcoming"
    WARMING = "warming"
    LIVE = "live"
    PAUSED = "paused"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Window:
    """When a campaign warms up (None: not at all), opens and ends; half-open, UTC."""

    starts_at: datetime
    ends_at: datetime
    warms_at: datetime | None = None


def check_window(window: Window, *, now: datetime) -> None:
    """Raise `BadPlan` unless the window lies ahead and has a sensible length."""
    if window.starts_at >= window.ends_at:
        raise BadPlan(reason="it ends before it starts")
    if window.ends_at <= now:
        raise BadPlan(reason="it is over already")
    if window.ends_at - window.starts_at > LONGEST_WINDOW:
        raise BadPlan(reason="it lasts longer than 90 days")
    if window.warms_at is not None and window.warms_at >= window.starts_at:
        raise BadPlan(reason="it warms up after it starts")


def phase_of(campaign: Campaign, *, now: datetime) -> Phase:
    """Return the phase by status and clock: a late sweep shows nobody a door that is closed."""
    if campaign.status in OVER or now >= campaign.ends_at:
        return Phase.OVER
    if campaign.status is S.PAUSED:
        return Phase.PAUSED
    if campaign.status in _BUYERS_TAKEN[campaign.kind] and now >= campaign.starts_at:
        return Phase.LIVE
    if campaign.warms_at is not None and now >= campaign.warms_at:
        return Phase.WARMING
    return Phase.UPCOMING


def check_open(campaign: Campaign, *, now: datetime) -> None:
    """Raise `NotStarted`, `Ended` or `Paused` unless buyers are taken at this moment."""
    phase = phase_of(campaign, now=now)
    if phase is Phase.PAUSED:
        raise Paused(reason=campaign.pause_reason)
    if phase is Phase.OVER:
        raise Ended
    if phase is not Phase.LIVE:
        raise NotStarted(starts_at=campaign.starts_at.isoformat())


def check_limit(campaign: Campaign, *, bought: int, wanted: int) -> None:
    """Raise `CampaignLimitReached` when `wanted` more units would pass the member's limit."""
    if bought + wanted > campaign.limit_per_member:
        raise CampaignLimitReached(
            limit=campaign.limit_per_member, left=max(campaign.limit_per_member - bought, 0)
        )


def next_edge(campaign: Campaign) -> tuple[Edge, CampaignStatus]:
    """Return the edge that the campaign comes to next, and the status behind it."""
    if campaign.status is S.SCHEDULED:
        has_warm_up = campaign.warms_at is not None
        return (Edge.WARM, S.WARMING) if has_warm_up else (Edge.OPEN, S.LIVE)
    return _EDGE_OUT_OF[campaign.status]


def due_in(campaign: Campaign, status: CampaignStatus) -> datetime | None:
    """Return when a campaign that is in `status` comes to its next edge; None: never."""
    return {
        S.SCHEDULED: campaign.warms_at or campaign.starts_at,
        S.WARMING: campaign.starts_at,
        S.LIVE: campaign.ends_at,
        S.PAUSED: campaign.ends_at,
        # It is settled when nothing of it is open, and not before anything of it may be sold.
        S.ENDED: None if _is_kept(campaign) else trail_ends_at(campaign),
    }.get(status)


def trail_ends_at(campaign: Campaign) -> datetime:
    """Return until when something of it may be sold: its trail begins at its end, or release."""
    begins_at = campaign.released_at or campaign.ends_at
    return begins_at + timedelta(seconds=campaign.trails_seconds)


def _is_kept(campaign: Campaign) -> bool:
    return campaign.needs_release and campaign.released_at is None


def slot_window(on: date, *, starts_minute: int, lasts: timedelta, warms: timedelta) -> Window:
    """Return the window of a slot's campaign on a day in Shanghai."""
    starts_at = datetime.combine(on, time(), tzinfo=SHANGHAI) + timedelta(minutes=starts_minute)
    return Window(starts_at, starts_at + lasts, starts_at - warms if warms else None)


def next_slot_day(after: date, days: Collection[int]) -> date:
    """Return the first day after `after` whose weekday (Monday is 0) is one of `days`."""
    for ahead in range(1, 8):
        on = after + timedelta(days=ahead)
        if on.weekday() in days:
            return on
    raise BadPlan(reason="a slot needs a weekday")
