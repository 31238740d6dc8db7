"""Sending one push: take it under lock, hand it to the channel between transactions, book it.

A robot's message cannot be asked about and has no number of ours. So it is handed over at most
once: no answer, or a crash after it was taken, counts as sent, and is shown as uncertain. A task
can be looked for, and is made anew only when the platform has none. See docs/adr/0030.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from kit.crypto import CannotOpen
from kit.db import Begin
from kit.faultpoints import faultpoint
from kit.lifecycle import move
from kit.sweep import is_due, lease, postpone, settle
from shop.campaigns.models import Campaign
from shop.chat_groups import queries as chat_groups
from shop.chat_groups import rules as pace
from shop.chat_groups.models import ChatChannel, ChatGroup
from shop.chat_groups.robot_keys import RobotKeys
from shop.outreach import queries
from shop.outreach.finding import Taken, look_for
from shop.outreach.gateway import (
    ChannelError,
    ChannelRefused,
    Channels,
    GroupTask,
    OutcomeUnknown,
    RateLimited,
    RobotMessage,
)
from shop.outreach.models import Push, PushPlan, PushStatus, PushTemplate
from shop.outreach.push_texts import facts_of, link_of_push, render_push
from shop.outreach.rules import (
    LOOK_AFTER,
    PAUSED_AGAIN_AFTER,
    POLL_EVERY,
    TWINS_AFTER,
    Still,
    last_moment,
    quiet_until,
    still,
    why_quiet,
)

log = logging.getLogger(__name__)

P = PushStatus
ACTOR: Final = "outreach"
CHANNEL_OFF_AGAIN_AFTER: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What sending needs from outside."""

    channels: Channels
    robot_keys: RobotKeys
    public_base_url: str


def send_push(begin: Begin, post: Post, push_id: UUID, *, now: datetime) -> None:
    """Send a due push, or find out what became of it, or see that it is wrong by now."""
    with begin() as session:
        taken = _take(session, post, push_id, now=now)
    if taken is None:
        return
    faultpoint("outreach.sending.before_channel")
    try:
        msgid = _hand_over(post, taken, now=now)
    except ChannelError as failure:
        with begin() as session:
            _note_failure(session, taken, failure, now=now)
        return
    faultpoint("outreach.sending.after_channel")
    with begin() as session:
        _book(session, taken, msgid, now=now)


def skip(session: Session, push: Push, why: str, *, now: datetime) -> None:
    """Never send a push that has become wrong."""
    push.reason = why
    settle(push)
    move(session, push, P.SKIPPED, at=now, actor=ACTOR)


def _take(session: Session, post: Post, push_id: UUID, *, now: datetime) -> Taken | None:
    push = queries.lock_push(session, push_id)
    if push.status not in queries.TO_SEND or not is_due(push, now=now):
        return None
    group = chat_groups.lock_chat_group(session, push.chat_group_id)
    if push.status is P.SENDING:
        return _take_lost(session, push, group, now=now)
    campaign = session.get_one(Campaign, push.campaign_id, populate_existing=True)
    plan = session.get_one(PushPlan, push.plan_id)
    if not _may_go(session, push, group, campaign, plan, now=now):
        return None
    if not _is_on(post.channels, group.channel):
        postpone(push, "the channel is off", now=now, by=CHANNEL_OFF_AGAIN_AFTER)
        return None
    # Before it counts as handed over, after which it would never be sent again.
    robot_key = _open_robot_key(post, group)
    if robot_key is None:
        postpone(push, "the robot's key cannot be opened", now=now, by=CHANNEL_OFF_AGAIN_AFTER)
        return None
    template = session.get_one(PushTemplate, plan.template_id)
    link = link_of_push(post.public_base_url, push.invite_code, push.edge)
    facts = facts_of(session, campaign, link=link)
    push.text = render_push(template.text, facts, group.channel)
    push.first_handed_at = push.first_handed_at or now
    push.handed_at, push.sender = now, group.sender
    pace.take_place(group, now=now)
    lease(push, now=now)
    move(session, push, P.SENDING, at=now, actor=ACTOR)
    taken = _taken(push, group, is_lost=False, title=campaign.name)
    return replace(taken, robot_key=robot_key)


def _open_robot_key(post: Post, group: ChatGroup) -> str | None:
    """Return the key of a robot's group, or nothing; None when it cannot be opened."""
    if group.channel is not ChatChannel.ROBOT:
        return ""
    try:
        return post.robot_keys.unseal(group.robot_key_sealed or b"", chat_group_id=group.id)
    except CannotOpen:
        log.exception("a robot's key cannot be opened", extra={"chat_group_id": str(group.id)})
        return None


def _take_lost(session: Session, push: Push, group: ChatGroup, *, now: datetime) -> Taken | None:
    """Of a push whose outcome is not known: count a robot's as sent; look for a task."""
    if group.channel is ChatChannel.ROBOT:
        _count_as_sent(session, push, "no outcome was booked", now=now)
        return None
    lease(push, now=now)
    others = frozenset(queries.list_msgids(session, push.campaign_id, push.chat_group_id))
    return replace(_taken(push, group, is_lost=True, title=""), others=others)


def _taken(push: Push, group: ChatGroup, *, is_lost: bool, title: str) -> Taken:
    return Taken(
        push_id=push.id,
        group=group,
        sender=push.sender or group.sender or "",
        text=push.text or "",
        title=title,
        page=f"pages/campaign/campaign?id={push.campaign_id}&invite={push.invite_code}",
        handed_at=push.handed_at or push.planned_for,
        first_handed_at=push.first_handed_at or push.handed_at or push.planned_for,
        is_lost=is_lost,
    )


def _may_go(
    session: Session,
    push: Push,
    group: ChatGroup,
    campaign: Campaign,
    plan: PushPlan,
    *,
    now: datetime,
) -> bool:
    """Say whether it goes out now; else it is skipped, or due again when it may."""
    is_right = still(push.edge, campaign, planned_for=push.planned_for, now=now)
    why_never = _why_never(session, group, campaign, is_right)
    if why_never is not None:
        skip(session, push, why_never, now=now)
        return False
    if is_right is Still.LATER or group.paused_at is not None:
        paused = "campaign" if is_right is Still.LATER else "chat group"
        postpone(push, f"the {paused} is paused", now=now, by=PAUSED_AGAIN_AFTER)
        return False
    last = last_moment(push.edge, campaign, planned_for=push.planned_for)
    ends_at = quiet_until(plan, now=now)
    if ends_at is not None:
        why_not = why_quiet(plan, ends_at, last)
        if why_not is not None:
            skip(session, push, why_not, now=now)
        else:
            postpone(push, "quiet hours", now=now, by=ends_at - now)
        return False
    free_at = pace.free_at(group, now=now)
    if free_at > now:
        if free_at >= last:
            skip(session, push, "the group had its messages of the day", now=now)
        else:
            postpone(push, "the group's pace", now=now, by=free_at - now)
        return False
    return True


def _why_never(
    session: Session, group: ChatGroup, campaign: Campaign, is_right: Still
) -> str | None:
    if not group.is_active:
        return "group retired"
    if not chat_groups.has_leader(session, group):
        return "the group has no leader"
    return f"the campaign is {campaign.status.value}" if is_right is Still.OVER else None


def _is_on(channels: Channels, channel: ChatChannel) -> bool:
    is_robot = channel is ChatChannel.ROBOT
    return (channels.robots if is_robot else channels.group_tasks) is not None


def _hand_over(post: Post, taken: Taken, *, now: datetime) -> str | None:
    """Call the channel; return the id of a task. Raises `ChannelError` kinds."""
    group = taken.group
    if group.channel is ChatChannel.ROBOT:
        assert post.channels.robots is not None  # noqa: S101 - asked when it was taken
        post.channels.robots.send(key=taken.robot_key, message=RobotMessage(taken.text))
        return None
    tasks = post.channels.group_tasks
    if tasks is None:
        raise OutcomeUnknown("the channel is off")
    if taken.is_lost:
        return look_for(tasks, taken, now=now)
    made = tasks.create(
        GroupTask(
            sender=taken.sender,
            chat_ids=[group.chat_id or ""],
            text=taken.text,
            title=taken.title,
            page=taken.page,
        )
    )
    if group.chat_id in made.refused_chat_ids:
        raise ChannelRefused("the group takes no more messages", code="fail_list")
    return made.msgid


def _book(session: Session, taken: Taken, msgid: str | None, *, now: datetime) -> None:
    push = queries.lock_push(session, taken.push_id)
    if push.status is not P.SENDING:
        return  # its lease ran out, and somebody else has booked it
    settle(push)
    if msgid is None:
        push.sent_at = now
        move(session, push, P.SENT, at=now, actor=ACTOR)
        return
    push.msgid = msgid
    push.due_at = now + POLL_EVERY
    push.twins_due_at = now + TWINS_AFTER
    push.attempts = 0
    move(session, push, P.AWAITING_OWNER, at=now, actor=ACTOR)


def _note_failure(session: Session, taken: Taken, failure: ChannelError, *, now: datetime) -> None:
    push = queries.lock_push(session, taken.push_id)
    if push.status is not P.SENDING:
        return
    why = failure.code or type(failure).__name__
    if isinstance(failure, OutcomeUnknown):
        if taken.group.channel is ChatChannel.ROBOT:
            _count_as_sent(session, push, why, now=now)
        else:
            postpone(push, why, now=now, by=LOOK_AFTER)
    elif isinstance(failure, ChannelRefused):
        push.reason = why[:200]
        settle(push)
        move(session, push, P.FAILED, at=now, actor=ACTOR)
    else:
        _plan_again(session, push, failure, why, now=now)


def _plan_again(
    session: Session, push: Push, failure: ChannelError, why: str, *, now: datetime
) -> None:
    """Surely not sent: it waits, and its place in the group's quota is free again."""
    group = chat_groups.lock_chat_group(session, push.chat_group_id)
    pace.give_place_back(group, taken_at=push.handed_at or now)
    if group.channel is ChatChannel.CUSTOMER_GROUP:
        push.twins_due_at = now + TWINS_AFTER  # "busy" may have been said of one that was made
    move(session, push, P.PLANNED, at=now, actor=ACTOR)
    if isinstance(failure, RateLimited):
        group.next_send_at = now + timedelta(seconds=failure.retry_after)
        postpone(push, why, now=now, by=timedelta(seconds=failure.retry_after))
    else:
        postpone(push, why, now=now)


def _count_as_sent(session: Session, push: Push, why: str, *, now: datetime) -> None:
    settle(push)
    push.is_certain = False
    push.sent_at = push.handed_at
    push.last_error = why[:200]
    move(session, push, P.SENT, at=now, actor=ACTOR)
