"""Clashes of pushes: two campaigns that speak into the same chat groups within a few minutes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.campaigns.clashes import CLASHING
from shop.campaigns.models import Campaign
from shop.chat_groups.models import ChatChannel
from shop.outreach.models import PushPlan
from shop.outreach.rules import clock_time

WITHIN: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Planned:
    """When a campaign speaks into which chat groups of a channel; None: all of them."""

    campaign_id: UUID
    at: datetime
    channel: ChatChannel
    chat_group_ids: frozenset[str] | None

    def meets(self, other: "Planned") -> bool:
        """Say whether both speak into one chat group."""
        if self.channel is not other.channel:
            return False
        if self.chat_group_ids is None or other.chat_group_ids is None:
            return True
        return bool(self.chat_group_ids & other.chat_group_ids)


def same_chat_groups(
    session: Session, campaigns: Sequence[Campaign], *, within: timedelta = WITHIN
) -> Mapping[UUID, set[UUID]]:
    """Return campaign id → others that the clock has pushed into its chat groups so soon.

    Asked of plans, not of pushes: there are a few for each campaign, and drafts have them too.
    """
    by_id = {one.id: one for one in campaigns if one.status in CLASHING}
    plans = session.scalars(select(PushPlan).where(PushPlan.campaign_id.in_(by_id)))
    planned = [its for plan in plans if (its := _of(plan, by_id[plan.campaign_id]))]
    planned.sort(key=lambda one: one.at)
    found: dict[UUID, set[UUID]] = {}
    near: list[Planned] = []
    for one in planned:
        near = [other for other in near if one.at - other.at < within]
        for other in near:
            if other.campaign_id != one.campaign_id and one.meets(other):
                found.setdefault(one.campaign_id, set()).add(other.campaign_id)
                found.setdefault(other.campaign_id, set()).add(one.campaign_id)
        near.append(one)
    return found


def _of(plan: PushPlan, campaign: Campaign) -> Planned | None:
    at = clock_time(plan.edge, campaign, lead=timedelta(seconds=plan.lead_seconds))
    if at is None:
        return None
    ids = None if plan.chat_group_ids is None else frozenset(plan.chat_group_ids)
    return Planned(plan.campaign_id, at, plan.channel, ids)
