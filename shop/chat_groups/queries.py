"""Reading chat groups."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from kit.errors import NotFound
from shop.chat_groups.models import ChatChannel, ChatGroup
from shop.members.models import Member, MemberStatus

# Whoever became part of another member: the group is that one's when the news has come.
LEADS: Final = or_(
    Member.status == MemberStatus.JOINED,
    and_(Member.status == MemberStatus.ACTIVE, Member.leader_since.is_not(None)),
)


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


def find_by_opengid(session: Session, opengid: str) -> ChatGroup | None:
    """Return the active chat group that the mini-program knows by this id, or None."""
    return session.scalars(
        select(ChatGroup).where(ChatGroup.opengid == opengid, ChatGroup.is_active)
    ).one_or_none()
