"""Chat groups that came after a plan's pushes were made: their own, as far as they lie ahead.

What an edge has told already is not told late: who was not there then hears of the next edge.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from shop.campaigns import queries as campaigns
from shop.campaigns.models import Campaign
from shop.campaigns.rules import OVER
from shop.chat_groups import queries as chat_groups
from shop.outreach import queries
from shop.outreach.models import PushPlan
from shop.outreach.planning import make_pushes
from shop.outreach.rules import BadPushPlan, clock_time


def plan_again(session: Session, campaign_id: UUID, *, now: datetime) -> int:
    """Make the pushes that a campaign's plans lack by now; return how many.

    Raises `campaigns.CampaignNotFound`, or `BadPushPlan` when the campaign is over.
    """
    campaign = campaigns.lock_campaign(session, campaign_id)
    if campaign.status in OVER:
        raise BadPushPlan(reason="the campaign is over")
    plans = queries.list_plans(session, campaign_id)
    return sum(_make_ahead(session, plan, campaign, now=now) for plan in plans)


def plan_for_group(session: Session, chat_group_id: UUID, *, now: datetime) -> int:
    """Make the pushes that every plan for all chat groups of the channel lacks for this one."""
    group = chat_groups.get_chat_group(session, chat_group_id)
    return sum(
        _make_ahead(session, plan, campaign, among=[group.id], now=now)
        for plan, campaign in queries.lock_open_plans(session, group.channel)
        if plan.chat_group_ids is None
    )


def _make_ahead(
    session: Session,
    plan: PushPlan,
    campaign: Campaign,
    *,
    among: Collection[UUID] | None = None,
    now: datetime,
) -> int:
    due_at = clock_time(plan.edge, campaign, lead=timedelta(seconds=plan.lead_seconds))
    if plan.planned_at is None or due_at is None or due_at <= now:
        return 0
    return make_pushes(session, plan, due_at=due_at, among=among, now=now)
