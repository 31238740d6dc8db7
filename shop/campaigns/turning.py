"""Passing edges: many campaigns in one transaction, each edge once."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Table, case, func, insert, inspect, select
from sqlalchemy.orm import Session

from kit.lifecycle import move_many
from kit.outbox import Event, emit_many
from shop.campaigns import queries
from shop.campaigns.events import CampaignEnded, CampaignOpened, CampaignPaused, CampaignWarmed
from shop.campaigns.models import (
    CAMPAIGN_LIFECYCLE,
    Campaign,
    CampaignEdge,
    CampaignStatus,
    Edge,
    Stop,
)
from shop.campaigns.rules import due_in, next_edge

S = CampaignStatus
CAMPAIGNS: Final[Table] = inspect(Campaign).local_table  # type: ignore[assignment] # a mapped class's is one

_NEWS: Final = {Edge.WARM: CampaignWarmed, Edge.OPEN: CampaignOpened, Edge.END: CampaignEnded}
# When a campaign that has just come to this status is due again.
_DUE_NEXT: Final = {
    S.WARMING: CAMPAIGNS.c.starts_at,
    S.LIVE: CAMPAIGNS.c.ends_at,
    S.ENDED: case(
        (CAMPAIGNS.c.needs_release, None),  # its way of selling says when
        else_=CAMPAIGNS.c.ends_at
        + func.make_interval(0, 0, 0, 0, 0, 0, CAMPAIGNS.c.trails_seconds),
    ),
}


def turn(session: Session, ids: Sequence[UUID], *, now: datetime) -> int:
    """Pass the next edge of those of the campaigns that are still due; return how many did.

    Rows that somebody else is just turning are skipped.
    """
    stop = queries.find_stop_for_good(session)
    due = session.scalars(
        select(Campaign)
        .where(Campaign.id.in_(ids), Campaign.due_at <= now, Campaign.status.in_(queries.TURNING))
        .order_by(Campaign.due_at, Campaign.id)
        # Those who open a group just now refer to the row, and do not keep it from turning.
        .with_for_update(skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    steps: dict[tuple[S, Edge, S], list[Campaign]] = defaultdict(list)
    for campaign in due:
        edge, status = next_edge(campaign)
        steps[campaign.status, edge, status].append(campaign)
    for (old, edge, new), campaigns in steps.items():
        _pass_edge(session, campaigns, old=old, edge=edge, new=new, now=now)
        if edge is Edge.OPEN and stop is not None:
            _pause(session, campaigns, stop, now=now)
    return len(due)


def _pass_edge(
    session: Session, campaigns: Sequence[Campaign], *, old: S, edge: Edge, new: S, now: datetime
) -> None:
    ids = [campaign.id for campaign in campaigns]
    values: dict[str, Any] = {"due_at": _DUE_NEXT[new], "attempts": 0, "last_error": None}
    move_many(
        session,
        CAMPAIGNS,
        CAMPAIGN_LIFECYCLE,
        CAMPAIGNS.c.id.in_(ids),
        old=old,
        to=new,
        at=now,
        actor="scheduler",
        values=values,
    )
    rows = [
        {"campaign_id": campaign.id, "edge": edge, "due_at": due_in(campaign, old)}
        for campaign in campaigns
    ]
    session.execute(insert(CampaignEdge), rows)
    news: list[Event] = [
        _NEWS[edge](str(campaign.id), campaign.kind.value) for campaign in campaigns
    ]
    emit_many(session, news, now=now)


def _pause(session: Session, campaigns: Sequence[Campaign], stop: Stop, *, now: datetime) -> None:
    move_many(
        session,
        CAMPAIGNS,
        CAMPAIGN_LIFECYCLE,
        CAMPAIGNS.c.id.in_([campaign.id for campaign in campaigns]),
        old=S.LIVE,
        to=S.PAUSED,
        at=now,
        actor=stop.stopped_by,
        values={"pause_reason": stop.why, "is_stopped": True},
    )
    news: list[Event] = [
        CampaignPaused(str(campaign.id), campaign.kind.value, stop.why) for campaign in campaigns
    ]
    emit_many(session, news, now=now)
