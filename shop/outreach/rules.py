"""Pure rules of outreach: when an edge is due, quiet hours, what is still right, when to ask."""

from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final

from kit.clock import SHANGHAI
from kit.errors import Malformed
from shop.campaigns.models import Campaign, CampaignStatus
from shop.outreach.models import PushEdge, PushPlan, WhenQuiet

S = CampaignStatus
E = PushEdge

QUIET_FROM_MINUTE: Final = 22 * 60
QUIET_UNTIL_MINUTE: Final = 9 * 60
LEAD: Final = timedelta(minutes=30)  # of a last call
NEWS_FOR: Final = timedelta(hours=24)  # how long something that happened is still news
WATCH_EVERY: Final = timedelta(seconds=5)
ALMOST_GONE_PERCENT: Final = 90
LOOK_AFTER: Final = timedelta(minutes=2)  # for a task of which no answer came
PAUSED_AGAIN_AFTER: Final = timedelta(minutes=2)
TWINS_AFTER: Final = timedelta(seconds=10)  # before an owner has both in hand
TWINS_AGAIN_AFTER: Final = timedelta(minutes=10)  # what a slow platform lists late
POLL_EVERY: Final = timedelta(minutes=2)
REMIND_AFTER: Final = timedelta(minutes=15)
ESCALATE_AFTER: Final = timedelta(minutes=30)
POLL_ESCALATED_EVERY: Final = timedelta(minutes=30)
POLL_FOR: Final = timedelta(hours=24)
# Edges that no clock brings.
WATCHED: Final = (E.ALMOST_GONE,)
HAPPENING: Final = (E.ALMOST_GONE, E.FORMED, E.FAILED, E.SETTLED)

# In which statuses of its campaign a push is still right.
_RIGHT_WHILE: Final = {
    E.WARMING: (S.SCHEDULED, S.WARMING),
    E.OPEN: (S.SCHEDULED, S.WARMING, S.LIVE),
    E.ALMOST_GONE: (S.LIVE,),
    E.LAST_CALL: (S.LIVE,),
    E.FORMED: (S.LIVE, S.ENDED, S.SETTLED),
    E.FAILED: (S.LIVE, S.PAUSED, S.ENDED, S.SETTLED),
    E.SETTLED: (S.SETTLED,),
}


class BadPushPlan(Malformed):
    """The edge, the quiet hours or the chat groups make no sense; `reason` says which."""

    code = "outreach.bad_plan"
    title = "The push plan makes no sense"
    message = "推送计划有误"


class Still(StrEnum):
    """Whether a push may go out at this moment."""

    RIGHT = "right"
    LATER = "later"  # the campaign is paused
    OVER = "over"  # and will not be right again


def clock_time(edge: PushEdge, campaign: Campaign, *, lead: timedelta) -> datetime | None:
    """Return when the clock brings the edge, or None when something else does or nothing."""
    if edge is E.WARMING:
        return campaign.warms_at
    if edge is E.OPEN:
        return campaign.starts_at
    if edge is E.LAST_CALL:
        return max(campaign.ends_at - lead, campaign.starts_at)
    return None


def last_moment(edge: PushEdge, campaign: Campaign, *, planned_for: datetime) -> datetime:
    """Return until when a push of the edge is worth sending."""
    if edge is E.WARMING:
        return campaign.starts_at
    if edge in (E.OPEN, E.ALMOST_GONE, E.LAST_CALL):
        return campaign.ends_at
    return planned_for + NEWS_FOR


def still(edge: PushEdge, campaign: Campaign, *, planned_for: datetime, now: datetime) -> Still:
    """Say whether a push of the edge would tell the truth now."""
    if now >= last_moment(edge, campaign, planned_for=planned_for):
        return Still.OVER
    if campaign.status in _RIGHT_WHILE[edge]:
        return Still.RIGHT
    is_waiting = campaign.status is S.PAUSED or (edge is E.SETTLED and campaign.status is S.ENDED)
    return Still.LATER if is_waiting else Still.OVER


def quiet_until(plan: PushPlan, *, now: datetime) -> datetime | None:
    """Return when the quiet hours end that it is in now, or None outside them."""
    start, end = plan.quiet_from_minute, plan.quiet_until_minute
    local = now.astimezone(SHANGHAI)
    minute = local.hour * 60 + local.minute
    wraps = start > end
    is_quiet = (minute >= start or minute < end) if wraps else start <= minute < end
    if not is_quiet:
        return None
    ends = datetime.combine(local.date(), time(end // 60, end % 60), tzinfo=SHANGHAI)
    return ends if ends > local else ends + timedelta(days=1)


def check_quiet(from_minute: int, until_minute: int) -> None:
    """Raise `BadPushPlan` unless both are minutes of a day."""
    if not (0 <= from_minute < 1440 and 0 <= until_minute < 1440):
        raise BadPushPlan(reason="quiet hours are minutes of a day")


def why_quiet(plan: PushPlan, ends_at: datetime, last: datetime) -> str | None:
    """Return why a push in the quiet hours is dropped, or None when it waits for their end."""
    if plan.when_quiet is WhenQuiet.DROP:
        return "quiet hours"
    return "over before the quiet hours end" if ends_at >= last else None


def next_look_for_twins(handed_at: datetime, *, now: datetime) -> datetime | None:
    """Return when a task is looked for twins again, or None after the second time."""
    again_at = handed_at + TWINS_AGAIN_AFTER
    return again_at if now < again_at else None


def next_poll(waited: timedelta) -> timedelta:
    """Return how long after this look at a task the next one comes."""
    return POLL_EVERY if waited < ESCALATE_AFTER else POLL_ESCALATED_EVERY
