"""Tasks that the platform took twice: found in its records, and stopped before both are sent.

A second task comes of a proxy that repeats a request, or of a platform that was said to have made
none. Its text holds the link of our push, so that whatever has the text and is not booked is a
twin. See docs/adr/0030.
"""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from kit.db import Begin
from kit.faultpoints import faultpoint
from kit.sweep import LEASE
from shop.chat_groups import queries as chat_groups
from shop.outreach import queries
from shop.outreach.finding import CLOCKS_DIFFER
from shop.outreach.gateway import ChannelError, ChannelRefused, GroupTasks, TaskState
from shop.outreach.models import Push, PushStatus
from shop.outreach.rules import LOOK_AFTER, next_look_for_twins

log = logging.getLogger(__name__)

LONGEST_SPAN: Final = timedelta(hours=1)  # of one look at the records: a day has too many pages
AGAIN_AFTER: Final = timedelta(seconds=30)  # when the platform did not answer

Made = Mapping[str, Sequence[str]]  # text → the tasks that have it


@dataclass(frozen=True, slots=True)
class Sought:
    """A push whose task may have twins, and the tasks that are known to be ours."""

    push_id: UUID
    msgid: str
    chat_id: str
    text: str
    known: frozenset[str]


def within_span(handed: Mapping[UUID, datetime]) -> Mapping[UUID, datetime]:
    """Return those handed over soon after the first, whose tasks one look can find."""
    last = min(handed.values()) + LONGEST_SPAN
    return {push_id: at for push_id, at in handed.items() if at <= last}


def list_texts(tasks: GroupTasks, handed: Sequence[datetime]) -> Made:
    """Return the tasks made about these moments by their text; raises `ChannelError` kinds."""
    made: dict[str, list[str]] = defaultdict(list)
    since, until = min(handed) - CLOCKS_DIFFER, max(handed) + CLOCKS_DIFFER
    for seen in tasks.list_made(since=since, until=until):
        made[seen.text].append(seen.msgid)
    return made


def stop_twins(
    begin: Begin, tasks: GroupTasks, push_id: UUID, made: Made, *, now: datetime
) -> None:
    """Stop every task of the push's text but one: the one that was sent, or else the one booked.

    `made` was read after the push was booked.
    """
    with begin() as session:
        sought = _take(session, push_id, now=now)
    if sought is None:
        return
    twins = [msgid for msgid in made.get(sought.text, ()) if msgid not in sought.known]
    sent = None
    try:
        for msgid in twins:
            if _stop(tasks, msgid, sought.chat_id):
                sent = msgid
        # The owner was quicker, and sent the other one: ours must not follow it.
        is_ours_sent = sent is not None and _stop(tasks, sought.msgid, sought.chat_id)
    except ChannelError as failure:
        log.warning("a twin cannot be stopped yet", extra={"code": failure.code})
        with begin() as session:
            queries.lock_push(session, push_id).twins_due_at = now + AGAIN_AFTER
        return
    faultpoint("outreach.twins.after_stopping")
    with begin() as session:
        _book(session, sought, twins, None if is_ours_sent else sent, now=now)
    if is_ours_sent:
        log.error("a chat group has a push twice", extra={"push_id": str(push_id)})


def _take(session: Session, push_id: UUID, *, now: datetime) -> Sought | None:
    push = queries.lock_push(session, push_id)
    if push.twins_due_at is None or push.twins_due_at > now:
        return None
    if push.msgid is None or push.text is None:
        push.twins_due_at = None
        return None
    if _is_under_way(session, push):
        push.twins_due_at = now + LOOK_AFTER
        return None
    push.twins_due_at = now + LEASE
    group = chat_groups.get_chat_group(session, push.chat_group_id)
    known = queries.list_msgids(session, push.campaign_id, push.chat_group_id)
    return Sought(push.id, push.msgid, group.chat_id or "", push.text, frozenset(known))


def _is_under_way(session: Session, push: Push) -> bool:
    """Say whether another edge of the same text is handed over, whose task is not known yet."""
    others = queries.list_of_group(session, push.campaign_id, push.chat_group_id)
    return any(one.status is PushStatus.SENDING and one.text == push.text for one in others)


def _stop(tasks: GroupTasks, msgid: str, chat_id: str) -> bool:
    """Stop a task, and say whether it was sent into the chat group before."""
    with suppress(ChannelRefused):  # it was stopped or sent before
        tasks.cancel(msgid=msgid)
    results = tasks.results(msgid=msgid, sender=tasks.sender_of(msgid=msgid))
    return any(one.chat_id == chat_id and one.state is TaskState.SENT for one in results)


def _book(
    session: Session, sought: Sought, twins: Sequence[str], sent: str | None, *, now: datetime
) -> None:
    push = queries.lock_push(session, sought.push_id)
    stopped = set(twins)
    if sent is not None and push.msgid == sought.msgid:
        stopped = stopped - {sent} | {sought.msgid}
        push.msgid = sent
        if push.status in queries.WITH_OWNER:
            push.due_at = now
    push.stopped_msgids = sorted({*push.stopped_msgids, *stopped})
    push.twins_due_at = next_look_for_twins(push.handed_at or now, now=now)
