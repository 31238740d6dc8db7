"""Reading push plans, pushes and their results, and what is due."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, or_, select, union_all
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from kit.errors import NotFound
from kit.pages import Page, read_page
from shop.campaigns import queries as campaigns
from shop.campaigns.models import Campaign
from shop.chat_groups.models import ChatChannel, ChatGroup
from shop.outreach.models import Push, PushEdge, PushPlan, PushStatus, PushTemplate

P = PushStatus
TO_SEND = (P.PLANNED, P.SENDING)
WITH_OWNER = (P.AWAITING_OWNER, P.ESCALATED)


class TemplateNotFound(NotFound):
    """There is no push template of this name."""

    code = "outreach.template_not_found"
    title = "There is no such push template"
    message = "没有找到该推送模板"


class PushNotFound(NotFound):
    """There is no such push."""

    code = "outreach.push_not_found"
    title = "Push not found"
    message = "没有找到该推送"


def get_template(session: Session, name: str) -> PushTemplate:
    """Return the push template of this name; raises `TemplateNotFound`."""
    found = session.scalars(select(PushTemplate).where(PushTemplate.name == name)).one_or_none()
    if found is None:
        raise TemplateNotFound
    return found


def list_templates(session: Session) -> Sequence[PushTemplate]:
    """Return every push template, by name."""
    return session.scalars(select(PushTemplate).order_by(PushTemplate.name)).all()


def list_plans(session: Session, campaign_id: UUID) -> Sequence[PushPlan]:
    """Return what is planned for a campaign, in the order it was decided."""
    return session.scalars(
        select(PushPlan).where(PushPlan.campaign_id == campaign_id).order_by(PushPlan.id)
    ).all()


def lock_plans(
    session: Session, campaign_id: UUID, *, edge: PushEdge | None = None
) -> Sequence[PushPlan]:
    """Return a campaign's plans whose pushes are not made, locked and fresh, oldest first."""
    query = select(PushPlan).where(
        PushPlan.campaign_id == campaign_id, PushPlan.planned_at.is_(None)
    )
    if edge is not None:
        query = query.where(PushPlan.edge == edge)
    return session.scalars(
        query.order_by(PushPlan.id).with_for_update().execution_options(populate_existing=True)
    ).all()


def find_plan(
    session: Session, campaign_id: UUID, *, edge: PushEdge, channel: ChatChannel
) -> PushPlan | None:
    """Return what is planned for an edge and a channel, or None."""
    return session.scalars(
        select(PushPlan).where(
            PushPlan.campaign_id == campaign_id,
            PushPlan.edge == edge,
            PushPlan.channel == channel,
        )
    ).one_or_none()


def lock_push(session: Session, push_id: UUID) -> Push:
    """Return the push, locked and fresh."""
    return session.get_one(Push, push_id, with_for_update=True, populate_existing=True)


def lock_some_push(session: Session, push_id: UUID) -> Push:
    """Return the push, locked and fresh; raises `PushNotFound`."""
    found = session.get(Push, push_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise PushNotFound
    return found


def lock_open_plans(session: Session, channel: ChatChannel) -> Sequence[tuple[PushPlan, Campaign]]:
    """Return the channel's plans whose pushes are made, locked, and their campaigns under way."""
    rows = session.execute(
        select(PushPlan, Campaign)
        .join(Campaign, Campaign.id == PushPlan.campaign_id)
        .where(
            Campaign.status.in_(campaigns.UNDER_WAY),
            PushPlan.channel == channel,
            PushPlan.planned_at.is_not(None),
        )
        .order_by(PushPlan.id)
        .with_for_update(of=PushPlan)
    )
    return [(plan, campaign) for plan, campaign in rows]


def list_msgids(session: Session, campaign_id: UUID, chat_group_id: UUID) -> Sequence[str]:
    """Return the tasks known of a campaign in a chat group, whatever the edge."""
    pushes = session.scalars(
        select(Push).where(Push.campaign_id == campaign_id, Push.chat_group_id == chat_group_id)
    ).all()
    booked = [push.msgid for push in pushes if push.msgid is not None]
    return booked + [msgid for push in pushes for msgid in push.twin_msgids]


def list_pushes(
    session: Session, campaign_id: UUID, *, status: PushStatus | None = None
) -> Sequence[tuple[Push, ChatGroup]]:
    """Return a campaign's pushes with their chat groups, in the order they come."""
    query = (
        select(Push, ChatGroup)
        .join(ChatGroup, ChatGroup.id == Push.chat_group_id)
        .where(Push.campaign_id == campaign_id)
        .order_by(Push.planned_for, Push.id)
    )
    if status is not None:
        query = query.where(Push.status == status)
    return [(push, group) for push, group in session.execute(query)]


def count_results(session: Session, campaign_id: UUID) -> Mapping[tuple[PushEdge, PushStatus], int]:
    """Return how many pushes of each edge of a campaign stand how."""
    rows = session.execute(
        select(Push.edge, Push.status, func.count())
        .where(Push.campaign_id == campaign_id)
        .group_by(Push.edge, Push.status)
    )
    return {(edge, status): count for edge, status, count in rows}


def list_of_leader(
    session: Session, leader_id: UUID, *, cursor: str | None = None, limit: int = 20
) -> Page[Push]:
    """Return a page of pushes into the chat groups that the leader runs, newest first."""
    query = (
        select(Push)
        .join(ChatGroup, ChatGroup.id == Push.chat_group_id)
        .where(ChatGroup.leader_id == leader_id)
    )
    return read_page(session, query, Push.id, cursor=cursor, limit=limit)


def about(
    session: Session, pushes: Sequence[Push]
) -> Mapping[UUID, tuple[ChatGroup, Campaign, PushTemplate]]:
    """Return push id → its chat group, its campaign and the template of its plan."""
    rows = session.execute(
        select(Push.id, ChatGroup, Campaign, PushTemplate)
        .join(ChatGroup, ChatGroup.id == Push.chat_group_id)
        .join(Campaign, Campaign.id == Push.campaign_id)
        .join(PushPlan, PushPlan.id == Push.plan_id)
        .join(PushTemplate, PushTemplate.id == PushPlan.template_id)
        .where(Push.id.in_([push.id for push in pushes]))
    )
    return {push_id: (group, campaign, template) for push_id, group, campaign, template in rows}


def due_plans(now: datetime) -> Select[UUID]:
    """Select the ids of plans whose edge somebody must watch for."""
    return select(PushPlan.id).where(PushPlan.due_at <= now).order_by(PushPlan.due_at)


def due_to_send(now: datetime) -> Select[UUID]:
    """Select the ids of pushes to be sent, or of which no outcome is known, longest due first."""
    return (
        select(Push.id)
        .where(Push.due_at <= now, Push.status.in_(TO_SEND))
        .order_by(Push.due_at, Push.id)
    )


def next_to_send(now: datetime) -> Select[UUID]:
    """Select, of the pushes due to be sent, the first of each chat group that is free now.

    Those behind it would only be told to wait, again and again while a queue drains.
    """
    is_free = or_(ChatGroup.next_send_at.is_(None), ChatGroup.next_send_at <= now)
    first = (
        select(Push.id, Push.due_at)
        .join(ChatGroup, ChatGroup.id == Push.chat_group_id)
        .where(Push.due_at <= now, Push.status == P.PLANNED, is_free)
        .ext(distinct_on(Push.chat_group_id))
        .order_by(Push.chat_group_id, Push.due_at, Push.id)
        .subquery()
    )
    unknown = select(Push.id, Push.due_at).where(Push.due_at <= now, Push.status == P.SENDING)
    both = union_all(select(first.c.id, first.c.due_at), unknown).subquery()
    return select(both.c.id).order_by(both.c.due_at, both.c.id)


def list_handed(session: Session, due: Select[UUID]) -> Sequence[tuple[UUID, datetime, datetime]]:
    """Return the id of each selected push, and when it was handed over first and last.

    The longest due comes first.
    """
    first = func.coalesce(Push.first_handed_at, Push.handed_at)
    rows = session.execute(
        select(Push.id, first, Push.handed_at)
        .where(Push.id.in_(due), Push.handed_at.is_not(None))
        .order_by(Push.twins_due_at, Push.id)
    )
    return [(push_id, since, until) for push_id, since, until in rows if until is not None]


def due_twins(now: datetime) -> Select[UUID]:
    """Select the ids of pushes whose task may have a twin, longest due first."""
    return select(Push.id).where(Push.twins_due_at <= now).order_by(Push.twins_due_at, Push.id)


def due_to_ask(now: datetime) -> Select[UUID]:
    """Select the ids of tasks whose owners may have confirmed, longest due first."""
    return (
        select(Push.id)
        .where(Push.due_at <= now, Push.status.in_(WITH_OWNER))
        .order_by(Push.due_at, Push.id)
    )
