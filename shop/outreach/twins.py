"""Tasks that the platform took twice: found in its records, and stopped before both are sent.

A second task comes of a proxy that repeats a request, or of a platform that was said to have made
none. The link in its text is that of one push alone, so that whatever has the text and is not
booked is a twin. See docs/adr/0030.
"""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from kit.db import Begin
from kit.faultpoints import faultpoint
from kit.lifecycle import move
from kit.sweep import LEASE, settle
from shop.chat_groups import queries as chat_groups
from shop.outreach import queries
from shop.outreach.finding import window_of
from shop.outreach.gateway import ChannelError, ChannelRefused, GroupTasks, RateLimited, TaskState
from shop.outreach.models import Push, PushStatus
from shop.outreach.rules import LOOK_AFTER, POLL_FOR, next_look_for_twins
from shop.outreach.sending import ACTOR

log = logging.getLogger(__name__)

P = PushStatus
LONGEST_SPAN: Final = timedelta(minutes=10)  # of those looked for at once: records have pages
AGAIN_AFTER: Final = timedelta(seconds=30)  # when the platform did not answer
AGAIN_LATER: Final = timedelta(minutes=15)

Made = Mapping[str, Sequence[str]]  # text → the tasks that have it


@dataclass(frozen=True, slots=True)
class Handed:
    """Pushes that were handed over at about the same time, and between which moments."""

    push_ids: Sequence[UUID]
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Sought:
    """A push, its task if one is booked, and the others of its text, which must not be sent."""

    push_id: UUID
    msgid: str | None
    chat_id: str
    twins: Sequence[str]


def choose(rows: Sequence[tuple[UUID, datetime, datetime]]) -> Handed:
    """Return the first of the rows with those that one look at the records finds as well.

    A row is the id of a push, and when it was handed over first and last.
    """
    chosen, first, last = [rows[0][0]], rows[0][1], rows[0][2]
    span = max(LONGEST_SPAN, last - first)
    for push_id, since, until in rows[1:]:
        if max(last, until) - min(first, since) <= span:
            chosen.append(push_id)
            first, last = min(first, since), max(last, until)
    return Handed(chosen, first, last)


def list_texts(tasks: GroupTasks, handed: Handed) -> Made:
    """Return the tasks made about these moments by their text; raises `ChannelError` kinds."""
    made: dict[str, list[str]] = defaultdict(list)
    since, until = window_of(handed.first, handed.last)
    for seen in tasks.list_made(since=since, until=until):
        made[seen.text].append(seen.msgid)
    return made


def put_off(begin: Begin, push_id: UUID, failure: ChannelError, *, now: datetime) -> None:
    """Look for the push's twins later, since the platform cannot be asked; not for ever."""
    log.warning("twins cannot be looked for yet", extra={"code": failure.code})
    wait = failure.retry_after if isinstance(failure, RateLimited) else 0
    with begin() as session:
        push = queries.lock_push(session, push_id)
        waited = now - (push.handed_at or now)
        by = AGAIN_AFTER if waited < AGAIN_LATER else AGAIN_LATER
        push.twins_due_at = now + max(by, timedelta(seconds=wait))
        if waited >= POLL_FOR:
            push.twins_due_at = None
            log.error("twins were never looked for", extra={"push_id": str(push_id)})


def stop_twins(
    begin: Begin, tasks: GroupTasks, push_id: UUID, made: Made, *, now: datetime
) -> None:
    """Stop every task of the push's text but one: the one that was sent, or else the one booked.

    `made` was read after the push was chosen.
    """
    with begin() as session:
        sought = _take(session, push_id, made, now=now)
    if sought is None:
        return
    try:
        sent = [msgid for msgid in sought.twins if _stop(tasks, msgid, sought.chat_id)]
        # The owner was quicker, and sent another one: ours must not follow it.
        if sent and sought.msgid and _stop(tasks, sought.msgid, sought.chat_id):
            sent.insert(0, sought.msgid)
    except ChannelError as failure:
        put_off(begin, push_id, failure, now=now)
        return
    faultpoint("outreach.twins.after_stopping")
    with begin() as session:
        _book(session, sought, sent, now=now)
    if len(sent) > 1:
        log.error("a chat group has a push twice", extra={"push_id": str(push_id)})


def _take(session: Session, push_id: UUID, made: Made, *, now: datetime) -> Sought | None:
    """Write down which tasks must not be sent, before the first of them is stopped."""
    push = queries.lock_push(session, push_id)
    if push.twins_due_at is None or push.twins_due_at > now:
        return None
    if push.status is P.SENDING or push.text is None:
        push.twins_due_at = None if push.text is None else now + LOOK_AFTER
        return None
    group = chat_groups.get_chat_group(session, push.chat_group_id)
    known = queries.list_msgids(session, push.campaign_id, push.chat_group_id)
    found = [msgid for msgid in made.get(push.text, ()) if msgid not in known]
    if found:
        push.twin_msgids = [*push.twin_msgids, *found]
    push.twins_due_at = now + LEASE
    return Sought(push.id, push.msgid, group.chat_id or "", tuple(push.twin_msgids))


def _stop(tasks: GroupTasks, msgid: str, chat_id: str) -> bool:
    """Stop a task of the chat group, and say whether it was sent there before."""
    if _state_of(tasks, msgid, chat_id) is None:
        return False  # somebody's own, who copied the text
    try:
        tasks.cancel(msgid=msgid)
    except ChannelRefused as refusal:  # it was stopped or sent before, or may not be stopped
        log.warning("a task was not stopped", extra={"msgid": msgid, "code": refusal.code})
    return _state_of(tasks, msgid, chat_id) is TaskState.SENT


def _state_of(tasks: GroupTasks, msgid: str, chat_id: str) -> TaskState | None:
    """Return how a task stands in the chat group; None: it is not for it, or nobody knows it."""
    try:
        results = tasks.results(msgid=msgid, sender=tasks.sender_of(msgid=msgid))
    except ChannelRefused as refusal:
        log.warning("a task is not known any more", extra={"msgid": msgid, "code": refusal.code})
        return None
    return next((one.state for one in results if one.chat_id == chat_id), None)


def _book(session: Session, sought: Sought, sent: Sequence[str], *, now: datetime) -> None:
    push = queries.lock_push(session, sought.push_id)
    if push.status is P.SENDING or push.msgid != sought.msgid:
        push.twins_due_at = now + AGAIN_AFTER  # it was handed over, or booked anew, meanwhile
        return
    push.twins_due_at = next_look_for_twins(push.handed_at or now, now=now)
    if sent and sent[0] != push.msgid:
        _adopt(session, push, sent[0], now=now)


def _adopt(session: Session, push: Push, msgid: str, *, now: datetime) -> None:
    """Let the twin that was sent be the push's task, and its own one a twin."""
    ours = [] if push.msgid is None else [push.msgid]
    push.twin_msgids = [*(one for one in push.twin_msgids if one != msgid), *ours]
    push.msgid = msgid
    if push.status in queries.WITH_OWNER:
        push.due_at = now
    elif push.status is not P.CONFIRMED:
        settle(push)
        push.sent_at = now
        move(session, push, P.CONFIRMED, at=now, actor=ACTOR)
