"""Reading chat groups."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from kit.errors import NotFound
from shop.chat_groups.models import ChatChannel, ChatGroup


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
    """Return the active chat groups of a channel, or those of them in `only`, oldest first."""
    query = select(ChatGroup).where(ChatGroup.channel == channel, ChatGroup.is_active)
    if only is not None:
        query = query.where(ChatGroup.id.in_(only))
    return session.scalars(query.order_by(ChatGroup.id)).all()


def list_all(session: Session) -> Sequence[ChatGroup]:
    """Return every chat group, the newest first."""
    return session.scalars(select(ChatGroup).order_by(ChatGroup.id.desc())).all()


def find_by_opengid(session: Session, opengid: str) -> ChatGroup | None:
    """Return the active chat group that the mini-program knows by this id, or None."""
    return session.scalars(
        select(ChatGroup).where(ChatGroup.opengid == opengid, ChatGroup.is_active)
    ).one_or_none()
