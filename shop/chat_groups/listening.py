"""Hearing what WeCom pushes: opened, applied once, and acknowledged only after the commit."""

import logging
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kit.clock import Clock
from kit.db import Begin
from kit.ids import new_id
from kit.pushed_messages import Envelope, PushedMessages, texts_of_xml
from shop.chat_groups import queries
from shop.chat_groups.directory import GroupSeen
from shop.chat_groups.models import ChatEventKind, ChatGroup, ChatGroupEvent
from shop.chat_groups.rules import name_seen
from shop.chat_groups.told import GroupEvent, read_event

log = logging.getLogger(__name__)


def answer_challenge(messages: PushedMessages, query: Mapping[str, str], *, clock: Clock) -> str:
    """Return what WeCom wants to read when the address is saved; raises `MessageRejected`."""
    return messages.open(Envelope.of(query), query.get("echostr", ""), now=clock())


def receive_message(
    begin: Begin, messages: PushedMessages, *, query: Mapping[str, str], body: bytes, clock: Clock
) -> None:
    """Apply a message in one transaction; returning means it is committed.

    Raises `MessageRejected`. What is not about a customer group is taken, and changes nothing.
    """
    now = clock()
    content = messages.open(Envelope.of(query), texts_of_xml(body).get("Encrypt", ""), now=now)
    texts = texts_of_xml(content)
    event = read_event(content, texts)
    if event is None:
        log.info("a message of another kind", extra={"event": texts.get("Event", "")[:64]})
        return
    with begin() as session:
        note_event(session, event, now=now)


def note_event(session: Session, event: GroupEvent, *, now: datetime) -> bool:
    """Apply what WeCom tells of a customer group, once; return whether it was new.

    An event says that name or owner changed, not to what: a sweep asks. Of a group that we do not
    know the event is kept, and nothing else.
    """
    group = queries.find_by_chat_id(session, event.chat_id, lock=True)
    statement = (
        insert(ChatGroupEvent)
        .values(
            id=new_id(),
            digest=event.digest,
            chat_id=event.chat_id,
            chat_group_id=None if group is None else group.id,
            kind=event.kind,
            members=event.members,
            happened_at=event.happened_at,
            received_at=now,
        )
        .on_conflict_do_nothing()
        .returning(ChatGroupEvent.id)
    )
    is_new = session.execute(statement).scalar_one_or_none() is not None
    if is_new and group is not None:
        _apply(group, event, now=now)
    return is_new


def see(group: ChatGroup, seen: GroupSeen) -> None:
    """Keep what WeCom shows of a locked chat group; what the leader calls an unnamed one stays."""
    group.name = name_seen(seen.name) or group.name
    group.sender = seen.owner


def _apply(group: ChatGroup, event: GroupEvent, *, now: datetime) -> None:
    if event.kind is ChatEventKind.DISMISSED:
        group.is_active, group.dismissed_at = False, event.happened_at
        group.due_at = None
    elif event.kind in (ChatEventKind.RENAMED, ChatEventKind.OWNER_CHANGED):
        # Whoever is asking now may have asked too early: their answer does not count any more.
        group.attempts, group.due_at = group.attempts + 1, now
    elif event.kind is ChatEventKind.JOINED:
        group.members_joined += event.members
    elif event.kind is ChatEventKind.LEFT:
        group.members_left += event.members
