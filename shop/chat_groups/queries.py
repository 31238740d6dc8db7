"""Reading chat groups."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session

from kit.clock import business_date
from kit.errors import NotFound
from kit.pages import Page, read_page
from shop.chat_groups.models import ChatChannel, ChatGroup
from shop.members.models import Member, MemberStatus

# Whoever became part of another member: the group is that one's when the news has come.
LEADS: Final = or_(
    Member.status == MemberStatus.JOINED,
    and_(Member.status == MemberStatus.ACTIVE, Member.leader_since.is_not(None)),
)


class Standing(StrEnum):
    """How a chat group stands for who keeps it."""

    OPEN = "open"
    FULL = "full"  # it had its messages of the day
    PAUSED = "paused"
    RETIRED = "retired"


class ChatGroupNotFound(NotFound):
    """There is no such chat group, or somebody else runs it."""

    code = "chat_groups.not_found"
    title = "Chat group not found"
    message = "没有找到该群"


def get_chat_group(session: Session, chat_group_id: UUID) -> ChatGroup:
    """Return the chat group, retired ones too; raises `ChatGroupNotFound`."""
    found = session.get(ChatGroup, chat_group_id)
    if found is None:
        raise ChatGroupNotFound
    return found


def get_own_chat_group(session: Session, chat_group_id: UUID, *, leader_id: UUID) -> ChatGroup:
    """Return an active chat group that the leader runs; raises `ChatGroupNotFound`."""
    found = get_chat_group(session, chat_group_id)
    if found.leader_id != leader_id or not found.is_active:
        raise ChatGroupNotFound
    return found


def lock_chat_group(session: Session, chat_group_id: UUID) -> ChatGroup:
    """Return the chat group locked and fresh; raises `ChatGroupNotFound`."""
    found = session.get(
        ChatGroup, chat_group_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if found is None:
        raise ChatGroupNotFound
    return found


def list_of_leader(session: Session, leader_id: UUID) -> Sequence[ChatGroup]:
    """Return the leader's active chat groups, the newest first."""
    return session.scalars(
        select(ChatGroup)
        .where(ChatGroup.leader_id == leader_id, ChatGroup.is_active)
        .order_by(ChatGroup.id.desc())
    ).all()


def list_active(
    session: Session, channel: ChatChannel, *, only: Collection[UUID] | None = None
) -> Sequence[ChatGroup]:
    """Return the active chat groups of a channel, or those of them in `only`, oldest first.

    Those whose leader has left, or is a leader no more, are none of them.
    """
    query = (
        select(ChatGroup)
        .join(Member, Member.id == ChatGroup.leader_id)
        .where(ChatGroup.channel == channel, ChatGroup.is_active, LEADS)
    )
    if only is not None:
        query = query.where(ChatGroup.id.in_(only))
    return session.scalars(query.order_by(ChatGroup.id)).all()


def has_leader(session: Session, group: ChatGroup) -> bool:
    """Say whether who runs the chat group is still there, and a leader."""
    leads = select(Member.id).where(Member.id == group.leader_id, LEADS)
    return session.scalar(leads) is not None


def find_by_chat_id(session: Session, chat_id: str, *, lock: bool = False) -> ChatGroup | None:
    """Return the customer group of this id at WeCom, retired ones too, or None."""
    query = select(ChatGroup).where(ChatGroup.chat_id == chat_id)
    if lock:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def due_to_refresh(now: datetime) -> Select[UUID]:
    """Select the ids of chat groups of which WeCom is to be asked, longest due first."""
    return (
        select(ChatGroup.id).where(ChatGroup.due_at <= now).order_by(ChatGroup.due_at, ChatGroup.id)
    )


def list_all(session: Session) -> Sequence[ChatGroup]:
    """Return every chat group, the newest first."""
    return session.scalars(select(ChatGroup).order_by(ChatGroup.id.desc())).all()


def list_some(
    session: Session,
    *,
    standing: Standing | None = None,
    channel: ChatChannel | None = None,
    words: str = "",
    leader_id: UUID | None = None,
    cursor: str | None = None,
    limit: int = 20,
    now: datetime,
) -> Page[ChatGroup]:
    """Return a page of chat groups, narrowed down, the newest first."""
    query = select(ChatGroup)
    if standing is not None:
        query = query.where(_stands(standing, now=now))
    if channel is not None:
        query = query.where(ChatGroup.channel == channel)
    if words:
        query = query.where(ChatGroup.name.icontains(words, autoescape=True))
    if leader_id is not None:
        query = query.where(ChatGroup.leader_id == leader_id)
    return read_page(session, query, ChatGroup.id, cursor=cursor, limit=limit)


def standing_of(group: ChatGroup, *, now: datetime) -> Standing:
    """Return how a chat group stands."""
    if not group.is_active:
        return Standing.RETIRED
    if group.paused_at is not None:
        return Standing.PAUSED
    is_full = used_today(group, now=now) >= group.daily_quota
    return Standing.FULL if is_full else Standing.OPEN


def used_today(group: ChatGroup, *, now: datetime) -> int:
    """Return how many messages went into the chat group today, in Shanghai."""
    return group.sent_today if group.sent_on == business_date(now) else 0


def _stands(standing: Standing, *, now: datetime) -> ColumnElement[bool]:
    if standing is Standing.RETIRED:
        return ~ChatGroup.is_active
    is_paused = ChatGroup.paused_at.is_not(None)
    if standing is Standing.PAUSED:
        return and_(ChatGroup.is_active, is_paused)
    is_counted = ChatGroup.sent_on.is_not_distinct_from(business_date(now))
    is_full = or_(
        and_(is_counted, ChatGroup.sent_today >= ChatGroup.daily_quota),
        ChatGroup.daily_quota == 0,
    )
    return and_(ChatGroup.is_active, ~is_paused, is_full if standing is Standing.FULL else ~is_full)


def find_by_opengid(session: Session, opengid: str) -> ChatGroup | None:
    """Return the active chat group that the mini-program knows by this id, or None."""
    return session.scalars(
        select(ChatGroup).where(ChatGroup.opengid == opengid, ChatGroup.is_active)
    ).one_or_none()
