"""The inbox as its member sees it: pages, reading, and kinds that are not wanted."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import Uuid, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from kit.errors import Malformed, NotFound
from kit.pages import Page, read_page
from shop.outreach.inbox import grants
from shop.outreach.inbox.models import TRANSACTIONAL, Delivery, InboxMessage, Mute, NoticeKind

MOST_COUNTED = 100  # unread messages; whoever has more sees "99+"


class MessageNotFound(NotFound):
    """There is no such message, or it is somebody else's."""

    code = "outreach.message_not_found"
    title = "Message not found"
    message = "没有找到该消息"


class NotMutable(Malformed):
    """What one has bought, or has coming back, one is told of."""

    code = "outreach.not_mutable"
    title = "Messages about purchases cannot be switched off"
    message = "交易类通知不能关闭"


def list_messages(
    session: Session, member_id: UUID, *, cursor: str | None = None, limit: int = 20
) -> Page[InboxMessage]:
    """Return a page of the member's inbox, newest first."""
    query = select(InboxMessage).where(InboxMessage.member_id == member_id)
    return read_page(session, query, InboxMessage.id, cursor=cursor, limit=limit)


def count_unread(session: Session, member_id: UUID) -> int:
    """Count the messages that the member has not read, `MOST_COUNTED` at most."""
    unread = (
        select(InboxMessage.id)
        .where(InboxMessage.member_id == member_id, InboxMessage.read_at.is_(None))
        .limit(MOST_COUNTED)
    )
    return session.scalar(select(func.count()).select_from(unread.subquery())) or 0


def mark_read(session: Session, message_id: UUID, *, member_id: UUID, now: datetime) -> None:
    """Note that a message was read; raises `MessageNotFound`."""
    message = session.get(InboxMessage, message_id, with_for_update=True)
    if message is None or message.member_id != member_id:
        raise MessageNotFound
    message.read_at = message.read_at or now


def mark_all_read(session: Session, member_id: UUID, *, now: datetime) -> None:
    """Note that everything in the inbox was read."""
    session.execute(
        update(InboxMessage)
        .where(InboxMessage.member_id == member_id, InboxMessage.read_at.is_(None))
        .values(read_at=now)
    )


def list_muted(session: Session, member_id: UUID) -> list[NoticeKind]:
    """Return the kinds that the member does not want, by name."""
    return sorted(session.scalars(select(Mute.kind).where(Mute.member_id == member_id)))


def mute(
    session: Session, member_id: UUID, kinds: Collection[NoticeKind], *, now: datetime
) -> None:
    """Tell the member nothing of just these kinds from now on; raises `NotMutable`."""
    if TRANSACTIONAL & set(kinds):
        raise NotMutable
    session.execute(delete(Mute).where(Mute.member_id == member_id, Mute.kind.not_in(kinds)))
    rows = [{"member_id": member_id, "kind": kind, "at": now} for kind in sorted(set(kinds))]
    if rows:
        session.execute(insert(Mute).on_conflict_do_nothing(), rows)


def reassign(session: Session, *, gone_id: UUID, kept_id: UUID) -> None:
    """Give a joined member's messages, grants and mutes to the member they became part of.

    What both were told of stays with the old account, so that it is told once.
    """
    other = aliased(InboxMessage)
    session.execute(
        update(InboxMessage)
        .where(
            InboxMessage.member_id == gone_id,
            ~select(other.id)
            .where(other.member_id == kept_id, other.cause == InboxMessage.cause)
            .exists(),
        )
        .values(member_id=kept_id)
        .execution_options(synchronize_session=False)
    )
    session.execute(update(Delivery).where(Delivery.member_id == gone_id).values(member_id=kept_id))
    theirs = select(literal(kept_id, Uuid()), Mute.kind, Mute.at).where(Mute.member_id == gone_id)
    session.execute(
        insert(Mute).from_select(["member_id", "kind", "at"], theirs).on_conflict_do_nothing()
    )
    grants.reassign(session, gone_id=gone_id, kept_id=kept_id)
