"""What operators look at: pushes that wait for a person, results by group, who wants none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, literal, select, union_all
from sqlalchemy.orm import Session

from kit.pages import Page, decode_cursor, encode_cursor, read_page
from shop.campaigns.models import Campaign
from shop.chat_groups.models import ChatGroup
from shop.outreach.inbox.models import Mute, NoticeKind
from shop.outreach.models import Push, PushPlan, PushStatus, PushTemplate

MOST_COUNTED: Final = 1000  # beyond it a number says no more than that there are many
MOST_MUTES: Final = 100_000


class Watched(StrEnum):
    """A list of pushes; each has an index, however many are done."""

    UNSURE = "unsure"  # no answer came
    AWAITING_OWNER = "awaiting_owner"
    ESCALATED = "escalated"
    FAILED = "failed"
    PLANNED = "planned"
    SENDING = "sending"


@dataclass(frozen=True, slots=True)
class GroupPushes:
    """A chat group and a campaign's pushes into it, in the order they come."""

    group: ChatGroup
    pushes: Sequence[Push]


def list_watched(
    session: Session, watched: Watched, *, cursor: str | None = None, limit: int = 30
) -> Page[Push]:
    """Return a page of pushes that stand so, newest first."""
    query = select(Push).where(_stands(watched))
    return read_page(session, query, Push.id, cursor=cursor, limit=limit)


def count_watched(session: Session) -> Mapping[Watched, int]:
    """Return how many pushes each list has, `MOST_COUNTED` at most."""
    counts = [_capped(select(Push.id).where(_stands(one)), one.value) for one in Watched]
    rows = session.execute(union_all(*counts))
    return {Watched(name): int(count) for name, count in rows}


def list_into_group(
    session: Session, chat_group_id: UUID, *, cursor: str | None = None, limit: int = 20
) -> Page[Push]:
    """Return a page of pushes into a chat group, newest first."""
    query = select(Push).where(Push.chat_group_id == chat_group_id)
    return read_page(session, query, Push.id, cursor=cursor, limit=limit)


def list_by_group(
    session: Session,
    campaign_id: UUID,
    *,
    status: PushStatus | None = None,
    cursor: str | None = None,
    limit: int = 30,
) -> Page[GroupPushes]:
    """Return a page of the chat groups that a campaign is pushed into, the newest first.

    With a status: those where a push stands so.
    """
    query = select(Push.chat_group_id).where(Push.campaign_id == campaign_id)
    if status is not None:
        query = query.where(Push.status == status)
    if cursor:
        query = query.where(Push.chat_group_id < decode_cursor(cursor))
    ids = session.scalars(
        query.group_by(Push.chat_group_id).order_by(Push.chat_group_id.desc()).limit(limit + 1)
    ).all()
    rows = session.execute(
        select(Push, ChatGroup)
        .join(ChatGroup, ChatGroup.id == Push.chat_group_id)
        .where(Push.campaign_id == campaign_id, Push.chat_group_id.in_(ids[:limit]))
        .order_by(ChatGroup.id.desc(), Push.planned_for, Push.id)
    )
    found: dict[UUID, GroupPushes] = {}
    for push, group in rows:
        pushes = found.setdefault(group.id, GroupPushes(group, [])).pushes
        found[group.id] = GroupPushes(group, [*pushes, push])
    more = encode_cursor(ids[limit - 1]) if len(ids) > limit else None
    return Page(list(found.values()), more)


def count_by_plan(
    session: Session, plan_ids: Sequence[UUID]
) -> Mapping[UUID, Mapping[PushStatus, int]]:
    """Return plan id → how many of its pushes stand how."""
    rows = session.execute(
        select(Push.plan_id, Push.status, func.count())
        .where(Push.plan_id.in_(plan_ids))
        .group_by(Push.plan_id, Push.status)
    )
    found: dict[UUID, dict[PushStatus, int]] = {plan_id: {} for plan_id in plan_ids}
    for plan_id, status, count in rows:
        found[plan_id][status] = int(count)
    return found


def count_uses(session: Session, template_ids: Sequence[UUID]) -> Mapping[UUID, int]:
    """Return template id → how many plans have it."""
    rows = session.execute(
        select(PushPlan.template_id, func.count())
        .where(PushPlan.template_id.in_(template_ids))
        .group_by(PushPlan.template_id)
    )
    return {template_id: int(count) for template_id, count in rows}


def list_some_templates(
    session: Session, *, words: str = "", cursor: str | None = None, limit: int = 20
) -> Page[PushTemplate]:
    """Return a page of push templates, newest first."""
    query = select(PushTemplate)
    if words:
        query = query.where(PushTemplate.name.icontains(words, autoescape=True))
    return read_page(session, query, PushTemplate.id, cursor=cursor, limit=limit)


def names_of_campaigns(session: Session, pushes: Sequence[Push]) -> Mapping[UUID, str]:
    """Return campaign id → its name, of the campaigns of these pushes."""
    ids = {push.campaign_id for push in pushes}
    rows = session.execute(select(Campaign.id, Campaign.name).where(Campaign.id.in_(ids)))
    return {campaign_id: name for campaign_id, name in rows}  # noqa: C416 - typed


def count_mutes(session: Session) -> Mapping[NoticeKind, int]:
    """Return how many members do not want each kind of message, `MOST_MUTES` at most."""
    counts = [
        _capped(select(Mute.member_id).where(Mute.kind == kind), kind.value, most=MOST_MUTES)
        for kind in NoticeKind
    ]
    rows = session.execute(union_all(*counts))
    return {NoticeKind(name): int(count) for name, count in rows}


def _stands(watched: Watched) -> ColumnElement[bool]:
    if watched is Watched.UNSURE:
        return ~Push.is_certain
    return Push.status == PushStatus(watched.value)


def _capped(query: Select[UUID], name: str, *, most: int = MOST_COUNTED) -> Select[str, int]:
    some = query.limit(most).subquery()
    return select(literal(name), select(func.count()).select_from(some).scalar_subquery())
