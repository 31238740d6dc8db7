"""Tasks that wait for their owner: asked about, reminded once, and then told to members instead.

A task that has become wrong is stopped, so that no owner sends old news.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from kit.db import Begin
from kit.faultpoints import faultpoint
from kit.lifecycle import move
from kit.sweep import is_due, lease, postpone, settle
from shop.campaigns.models import Campaign
from shop.chat_groups import queries as chat_groups
from shop.outreach import queries
from shop.outreach.gateway import ChannelError, ChannelRefused, GroupTasks, TaskResult, TaskState
from shop.outreach.inbox import telling
from shop.outreach.inbox.models import NoticeKind
from shop.outreach.inbox.telling import Told
from shop.outreach.models import Push, PushStatus
from shop.outreach.rules import (
    ESCALATE_AFTER,
    POLL_FOR,
    REMIND_AFTER,
    Still,
    last_moment,
    next_poll,
    still,
)
from shop.outreach.sending import ACTOR, skip
from shop.referral.chat_invites import list_brought

P = PushStatus
NO_OWNER: Final = "the owner did not confirm"
SOON: Final = timedelta(seconds=5)
TELL_ANYWAY_AFTER: Final = 2 * ESCALATE_AFTER  # when the platform cannot be asked all the time


@dataclass(frozen=True, slots=True)
class Question:
    """A task to be asked about, and whether its owner is to be reminded, or not waited for."""

    push_id: UUID
    msgid: str
    sender: str
    chat_id: str
    reminds: bool
    ends: bool


def ask_about_push(begin: Begin, tasks: GroupTasks, push_id: UUID, *, now: datetime) -> None:
    """Ask what became of a task, remind its owner once, and tell members in the owner's stead."""
    with begin() as session:
        question = _take(session, push_id, now=now)
    if question is None:
        return
    try:
        if question.ends:
            with suppress(ChannelRefused):  # it was sent or stopped before
                tasks.cancel(msgid=question.msgid)
        results = tasks.results(msgid=question.msgid, sender=question.sender)
    except ChannelError as failure:
        with begin() as session:
            _note_failure(session, push_id, failure, now=now)
        return
    if question.reminds and _state_of(results, question.chat_id) is TaskState.WAITING:
        with suppress(ChannelError):  # once is all; who could not be reminded is not waited for
            tasks.remind(msgid=question.msgid)
        faultpoint("outreach.confirming.after_reminder")
    with begin() as session:
        _book(session, question, results, now=now)


def _take(session: Session, push_id: UUID, *, now: datetime) -> Question | None:
    push = queries.lock_push(session, push_id)
    if push.status not in queries.WITH_OWNER or not is_due(push, now=now) or push.msgid is None:
        return None
    group = chat_groups.get_chat_group(session, push.chat_group_id)
    ends = _is_over(session, push, now=now) or now >= _waits_since(push) + POLL_FOR
    is_time = not ends and now >= _waits_since(push) + REMIND_AFTER
    lease(push, now=now)
    return Question(
        push_id=push.id,
        msgid=push.msgid,
        sender=push.sender or group.sender or "",
        chat_id=group.chat_id or "",
        reminds=push.status is P.AWAITING_OWNER and push.reminded_at is None and is_time,
        ends=ends,
    )


def _book(
    session: Session, question: Question, results: Sequence[TaskResult], *, now: datetime
) -> None:
    push = queries.lock_push(session, question.push_id)
    if push.status not in queries.WITH_OWNER:
        return
    push.attempts = 0
    if push.msgid != question.msgid:
        push.due_at = now  # its twin was sent, and took the place of the task that we asked about
        return
    state = _state_of(results, question.chat_id)
    if state is TaskState.SENT:
        push.sent_at = next((one.sent_at for one in results if one.sent_at), None) or now
        settle(push)
        move(session, push, P.CONFIRMED, at=now, actor=ACTOR)
    elif state is TaskState.WAITING:
        if question.reminds:
            push.reminded_at = now
        _book_waiting(session, push, question, now=now)
    else:
        _give_up(session, push, state.value, now=now)


def _book_waiting(session: Session, push: Push, question: Question, *, now: datetime) -> None:
    is_over = _is_over(session, push, now=now)
    if is_over and not question.ends:
        push.due_at = now  # it has turned meanwhile, and its task is not stopped yet
    elif is_over and push.status is P.AWAITING_OWNER:
        skip(session, push, f"{NO_OWNER}, and by now it would be wrong", now=now)
    else:
        _wait_on(session, push, now=now)
        if question.ends:
            settle(push)


def _wait_on(session: Session, push: Push, *, now: datetime) -> None:
    """Look again later, at the latest when the push becomes wrong; tell members themselves."""
    waited = now - _waits_since(push)
    if push.status is P.AWAITING_OWNER and waited >= ESCALATE_AFTER:
        _escalate(session, push, now=now)
    campaign = session.get_one(Campaign, push.campaign_id)
    left = last_moment(push.edge, campaign, planned_for=push.planned_for) - now
    postpone(push, NO_OWNER, now=now, by=max(min(next_poll(waited), left), SOON))


def _escalate(session: Session, push: Push, *, now: datetime) -> None:
    """Tell the members whom this chat group brought, once of an edge."""
    campaign = session.get_one(Campaign, push.campaign_id)
    members = list_brought(session, push.chat_group_id)
    push.reason = f"{NO_OWNER}; {len(members)} members told"
    move(session, push, P.ESCALATED, at=now, actor=ACTOR)
    telling.tell(
        session,
        Told(
            kind=NoticeKind.CAMPAIGN_NEWS,
            cause=f"edge:{push.campaign_id}:{push.edge.value}",
            page=f"pages/campaign/campaign?id={push.campaign_id}",
            campaign=campaign.name,
            at=campaign.starts_at if now < campaign.starts_at else campaign.ends_at,
            expires_at=last_moment(push.edge, campaign, planned_for=push.planned_for),
        ),
        members,
        now=now,
    )


def _give_up(session: Session, push: Push, why: str, *, now: datetime) -> None:
    settle(push)
    push.reason = why[:200]
    if push.status is P.AWAITING_OWNER:
        move(session, push, P.FAILED, at=now, actor=ACTOR)


def _note_failure(session: Session, push_id: UUID, failure: ChannelError, *, now: datetime) -> None:
    push = queries.lock_push(session, push_id)
    if push.status not in queries.WITH_OWNER:
        return
    why = failure.code or type(failure).__name__
    if isinstance(failure, ChannelRefused) and now - _waits_since(push) >= POLL_FOR:
        _give_up(session, push, why, now=now)
    elif _is_to_be_told_anyway(session, push, now=now):
        _wait_on(session, push, now=now)
    else:
        postpone(push, why, now=now)


def _is_to_be_told_anyway(session: Session, push: Push, *, now: datetime) -> bool:
    """Say whether members hear it themselves; of what is wrong, the task is still to be stopped."""
    waited = now - _waits_since(push)
    is_late = push.status is P.AWAITING_OWNER and waited >= TELL_ANYWAY_AFTER
    return is_late and not _is_over(session, push, now=now)


def _is_over(session: Session, push: Push, *, now: datetime) -> bool:
    campaign = session.get_one(Campaign, push.campaign_id, populate_existing=True)
    return still(push.edge, campaign, planned_for=push.planned_for, now=now) is Still.OVER


def _waits_since(push: Push) -> datetime:
    return push.handed_at or push.planned_for


def _state_of(results: Sequence[TaskResult], chat_id: str) -> TaskState:
    """Return how the task stands in the chat group; a group that is not listed waits."""
    return next((one.state for one in results if one.chat_id == chat_id), TaskState.WAITING)
