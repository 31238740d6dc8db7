"""Push plans: what goes where at which edge, and the pushes that come of it, each once."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Table, func, inspect, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kit.errors import Conflict
from kit.ids import new_id
from kit.rows import array_table
from kit.sweep import is_due, postpone, settle
from shop.campaigns import queries as campaigns
from shop.campaigns.models import Campaign, CampaignStatus
from shop.campaigns.rules import OVER
from shop.cards.models import Card, CardStatus
from shop.chat_groups import queries as chat_groups
from shop.chat_groups.models import ChatChannel
from shop.outreach import queries
from shop.outreach.models import (
    Push,
    PushEdge,
    PushPlan,
    PushStatus,
    PushTemplate,
    WhenQuiet,
)
from shop.outreach.push_texts import check_push_text
from shop.outreach.rules import (
    ALMOST_GONE_PERCENT,
    LEAD,
    QUIET_FROM_MINUTE,
    QUIET_UNTIL_MINUTE,
    WATCH_EVERY,
    WATCHED,
    BadPushPlan,
    check_quiet,
    clock_time,
)
from shop.outreach.texts import BadTemplate
from shop.referral.chat_invites import give_invites

PUSHES: Final[Table] = inspect(Push).local_table  # type: ignore[assignment] # a mapped class's is one
EACH: Final = ("id", "chat_group_id", "invite_code")


class PlanKnown(Conflict):
    """The edge of the campaign has a plan for the channel."""

    code = "outreach.plan_known"
    title = "This edge has a plan for the channel already"
    message = "该节点已有推送计划"


class TemplateKnown(Conflict):
    """There is a template of this name; another text has another name."""

    code = "outreach.template_known"
    title = "There is a push template of this name already"
    message = "推送模板名称已存在"


def add_template(
    session: Session, *, name: str, text: str, actor: str, now: datetime
) -> PushTemplate:
    """Keep a text for pushes; raises `BadTemplate` or `TemplateKnown`."""
    if not (1 <= len(name) <= 40 and name.isascii() and name.replace("-", "").isalnum()):
        raise BadTemplate(reason="a name has up to 40 letters, digits and dashes")
    check_push_text(text)
    if session.scalars(select(PushTemplate.id).where(PushTemplate.name == name)).one_or_none():
        raise TemplateKnown
    template = PushTemplate(id=new_id(), name=name, text=text, created_by=actor, created_at=now)
    session.add(template)
    session.flush()
    return template


def plan_edge(
    session: Session,
    *,
    campaign_id: UUID,
    edge: PushEdge,
    channel: ChatChannel,
    template: PushTemplate,
    only: Collection[UUID] | None = None,
    lead: timedelta = LEAD,
    quiet_from_minute: int = QUIET_FROM_MINUTE,
    quiet_until_minute: int = QUIET_UNTIL_MINUTE,
    when_quiet: WhenQuiet = WhenQuiet.WAIT,
    actor: str,
    now: datetime,
) -> PushPlan:
    """Decide what goes into which chat groups at an edge; `only` names some, else all of them.

    Of a published campaign the pushes are made at once, as far as the clock brings the edge.
    Raises `BadPushPlan`, `PlanKnown` or `campaigns.CampaignNotFound`.
    """
    check_quiet(quiet_from_minute, quiet_until_minute)
    campaign = campaigns.lock_campaign(session, campaign_id)
    if campaign.status in OVER:
        raise BadPushPlan(reason="the campaign is over")
    if edge is PushEdge.WARMING and campaign.warms_at is None:
        raise BadPushPlan(reason="the campaign does not warm up")
    if not timedelta(0) <= lead <= timedelta(days=7):
        raise BadPushPlan(reason="a last call comes up to seven days before the end")
    if queries.find_plan(session, campaign_id, edge=edge, channel=channel) is not None:
        raise PlanKnown
    plan = PushPlan(
        id=new_id(),
        campaign_id=campaign_id,
        edge=edge,
        channel=channel,
        template_id=template.id,
        chat_group_ids=None if only is None else [str(one) for one in only],
        lead_seconds=int(lead.total_seconds()),
        quiet_from_minute=quiet_from_minute,
        quiet_until_minute=quiet_until_minute,
        when_quiet=when_quiet,
        created_by=actor,
        created_at=now,
    )
    session.add(plan)
    session.flush()
    if campaign.status is not CampaignStatus.DRAFT:
        _prepare(session, plan, campaign, now=now)
    return plan


def plan_campaign(session: Session, campaign_id: UUID, *, now: datetime) -> int:
    """Make the pushes that the clock will bring, and watch for the rest; return how many."""
    plans = queries.lock_plans(session, campaign_id)
    if not plans:
        return 0
    campaign = session.get_one(Campaign, campaign_id)
    return sum(_prepare(session, plan, campaign, now=now) for plan in plans)


def note_edge(session: Session, campaign_id: UUID, edge: PushEdge, *, now: datetime) -> int:
    """Make the pushes of an edge that has just been passed, due now; return how many.

    The first time counts: the second group that forms makes no news.
    """
    plans = queries.lock_plans(session, campaign_id, edge=edge)
    return sum(make_pushes(session, plan, due_at=now, now=now) for plan in plans)


def watch(session: Session, plan_id: UUID, *, now: datetime) -> None:
    """Make a plan's pushes when nearly everything is sold; else look again in a moment."""
    plan = session.get_one(PushPlan, plan_id, with_for_update=True, populate_existing=True)
    if not is_due(plan, now=now) or plan.planned_at is not None:
        return
    campaign = session.get_one(Campaign, plan.campaign_id, populate_existing=True)
    if campaign.status in OVER or now >= campaign.ends_at:
        settle(plan)
    elif now >= campaign.starts_at and _is_almost_gone(session, plan.campaign_id):
        settle(plan)
        make_pushes(session, plan, due_at=now, now=now)
    else:
        postpone(plan, "", now=now, by=max(WATCH_EVERY, campaign.starts_at - now))


def _prepare(session: Session, plan: PushPlan, campaign: Campaign, *, now: datetime) -> int:
    lead = timedelta(seconds=plan.lead_seconds)
    due_at = clock_time(plan.edge, campaign, lead=lead)
    if due_at is not None:
        return make_pushes(session, plan, due_at=due_at, now=now)
    if plan.edge in WATCHED:
        plan.due_at = max(campaign.starts_at, now)
    return 0


def make_pushes(
    session: Session,
    plan: PushPlan,
    *,
    due_at: datetime,
    among: Collection[UUID] | None = None,
    now: datetime,
) -> int:
    """Write one push for each chat group by one statement; return how many are new.

    `among` narrows the plan's chat groups down.
    """
    only = among
    if plan.chat_group_ids is not None:
        named = [UUID(one) for one in plan.chat_group_ids]
        only = [one for one in named if among is None or one in among]
    groups = chat_groups.list_active(session, plan.channel, only=only)
    codes = give_invites(session, groups, campaign_id=plan.campaign_id, now=now)
    plan.planned_at = now
    if not codes:
        return 0
    same: dict[str, Any] = {
        "plan_id": plan.id,
        "campaign_id": plan.campaign_id,
        "edge": plan.edge,
        "status": PushStatus.PLANNED,
        "planned_for": due_at,
        "due_at": due_at,
        "attempts": 0,
        "is_certain": True,
        "created_at": now,
    }
    values: dict[str, Any] = {
        "row_id": [new_id() for _ in codes],
        "row_chat_group_id": list(codes),
        "row_invite_code": list(codes.values()),
    }
    return len(session.execute(_inserting(same), values).all())


def _inserting(same: dict[str, Any]) -> Any:
    row = array_table("row", {key: PUSHES.c[key].type for key in EACH})
    constants = (literal(value, PUSHES.c[key].type) for key, value in same.items())
    return (
        insert(PUSHES)
        .from_select([*EACH, *same], select(*(row.c[key] for key in EACH), *constants))
        # One message per campaign, edge and chat group, whatever plans there are.
        .on_conflict_do_nothing()
        .returning(PUSHES.c.id)
    )


def _is_almost_gone(session: Session, campaign_id: UUID) -> bool:
    """Say whether most units are taken, without counting more of the free ones than matters."""
    items = campaigns.list_items(session, [campaign_id])[campaign_id]
    allotted = sum(item.allotment for item in items)
    left = allotted * (100 - ALMOST_GONE_PERCENT) // 100
    free = _free_cards([item.id for item in items], most=left + 1)
    found = session.scalar(select(func.count()).select_from(free)) or 0
    return 0 < found <= left


def _free_cards(item_ids: Sequence[UUID], *, most: int) -> Any:
    return (
        select(Card.id)
        .where(Card.allotted_to.in_(item_ids), Card.status == CardStatus.FREE, Card.is_sellable)
        .limit(most)
        .subquery()
    )
