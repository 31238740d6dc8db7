"""Bringing an inbox message to a platform: a subscribe message by a grant, else Alipay's.

A grant is reserved by a row before anything is sent, and an outcome that is not known uses it up:
a member may miss a message, which waits in the inbox, and never gets two for one grant.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from kit.db import Begin
from kit.faultpoints import faultpoint
from kit.lifecycle import move
from kit.sweep import is_due, lease, postpone, settle
from shop.members import queries as members
from shop.members.models import Member, MemberStatus
from shop.members.platforms import Platform
from shop.outreach.gateway import (
    ChannelError,
    ChannelRefused,
    MemberMessage,
    MemberMessages,
    NoGrant,
    OutcomeUnknown,
    RateLimited,
)
from shop.outreach.inbox import grants
from shop.outreach.inbox.models import (
    Delivery,
    DeliveryStatus,
    GrantStatus,
    InboxMessage,
    MemberTemplate,
)
from shop.outreach.inbox.wording import fill_fields

D = DeliveryStatus
ACTOR: Final = "outreach"
MOST_ATTEMPTS: Final = 12
GIVEN_UP_AFTER: Final = timedelta(hours=24)  # older news is read in the inbox
Platforms = Mapping[Platform, MemberMessages]


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery that is ours alone for one call."""

    delivery_id: UUID
    member_id: UUID
    platform: Platform
    message: MemberMessage


def due_deliveries(now: datetime) -> Select[UUID]:
    """Select the ids of messages to be brought to a platform, longest due first."""
    return select(Delivery.id).where(Delivery.due_at <= now).order_by(Delivery.due_at, Delivery.id)


def deliver(begin: Begin, platforms: Platforms, delivery_id: UUID, *, now: datetime) -> None:
    """Send a message through the best platform that takes it; else it stays in the inbox."""
    with begin() as session:
        taken = _take(session, platforms, delivery_id, now=now)
    if taken is None:
        return
    faultpoint("outreach.delivering.before_platform")
    try:
        platforms[taken.platform].send(taken.message)
    except ChannelError as failure:
        with begin() as session:
            _note_failure(session, taken, failure, now=now)
        return
    faultpoint("outreach.delivering.after_platform")
    with begin() as session:
        delivery = _lock(session, taken.delivery_id)
        if delivery.status is D.SENDING:
            _end(session, delivery, D.SENT, grant=GrantStatus.USED, now=now)


def _take(
    session: Session, platforms: Platforms, delivery_id: UUID, *, now: datetime
) -> Taken | None:
    delivery = _lock(session, delivery_id)
    if not is_due(delivery, now=now):
        return None
    if delivery.status is D.SENDING:
        # Whoever took it has died, and it may have been sent.
        _end(session, delivery, D.UNKNOWN, grant=GrantStatus.USED, now=now)
        return None
    message = session.get_one(InboxMessage, delivery.id)
    if members.get_member(session, message.member_id).joined_into_id is not None:
        # The news that hands the message to whom they became part of is on its way.
        postpone(delivery, "the member was joined to another", now=now)
        return None
    if not _is_worth_it(session, delivery, message, now=now):
        _end(session, delivery, D.INBOX_ONLY, grant=GrantStatus.OPEN, now=now)
        return None
    for template in _templates(session, message):
        taken = _way(session, platforms, delivery, message, template, now=now)
        if taken is not None:
            lease(delivery, now=now)
            move(session, delivery, D.SENDING, at=now, actor=ACTOR)
            return taken
    _end(session, delivery, D.INBOX_ONLY, grant=GrantStatus.OPEN, now=now)
    return None


def _is_worth_it(
    session: Session, delivery: Delivery, message: InboxMessage, *, now: datetime
) -> bool:
    """Say whether a member who is still here, and has not read it, would hear of it in time."""
    ends_at = delivery.expires_at or message.created_at + GIVEN_UP_AFTER
    is_tried = delivery.attempts >= MOST_ATTEMPTS
    if now >= ends_at or message.read_at is not None or is_tried:
        return False
    return session.get_one(Member, message.member_id).status is MemberStatus.ACTIVE


def _templates(session: Session, message: InboxMessage) -> list[MemberTemplate]:
    """Return the kind's templates, WeChat's first."""
    found = session.scalars(select(MemberTemplate).where(MemberTemplate.kind == message.kind))
    return sorted(found, key=lambda one: one.platform is not Platform.WECHAT)


def _way(
    session: Session,
    platforms: Platforms,
    delivery: Delivery,
    message: InboxMessage,
    template: MemberTemplate,
    *,
    now: datetime,
) -> Taken | None:
    """Return the message as this platform takes it, its grant reserved; or None."""
    platform = template.platform
    if platform not in platforms or delivery.platform not in (None, platform):
        return None
    open_id = members.find_open_id(
        session, message.member_id, platform=platform, app_id=platforms[platform].app_id
    )
    if open_id is None:
        return None
    if platform is Platform.WECHAT and delivery.grant_id is None:
        grant = grants.reserve(session, message.member_id, template.template_id, now=now)
        if grant is None:
            return None
        delivery.grant_id = grant.id
    delivery.platform = platform
    values = fill_fields(
        template.fields, title=message.title, body=message.body, facts=message.facts
    )
    return Taken(
        delivery_id=delivery.id,
        member_id=message.member_id,
        platform=platform,
        message=MemberMessage(
            open_id=open_id, template_id=template.template_id, values=values, page=message.page
        ),
    )


def _note_failure(session: Session, taken: Taken, failure: ChannelError, *, now: datetime) -> None:
    delivery = _lock(session, taken.delivery_id)
    if delivery.status is not D.SENDING:
        return
    why = failure.code or type(failure).__name__
    delivery.last_error = why[:200]
    if isinstance(failure, OutcomeUnknown):
        _end(session, delivery, D.UNKNOWN, grant=GrantStatus.USED, now=now)
    elif isinstance(failure, NoGrant):
        if taken.platform is Platform.WECHAT:
            grants.close(session, taken.member_id, taken.message.template_id, now=now)
        _end(session, delivery, D.INBOX_ONLY, grant=GrantStatus.CLOSED, now=now)
    elif isinstance(failure, ChannelRefused):
        # Our template or its fields are wrong, not the member's leave: it serves another time.
        _end(session, delivery, D.INBOX_ONLY, grant=GrantStatus.OPEN, now=now)
    else:
        is_limit = isinstance(failure, RateLimited)
        wait = timedelta(seconds=failure.retry_after) if isinstance(failure, RateLimited) else None
        delivery.attempts -= 1 if is_limit else 0
        move(session, delivery, D.PLANNED, at=now, actor=ACTOR)
        postpone(delivery, why, now=now, by=wait)


def _end(
    session: Session, delivery: Delivery, to: DeliveryStatus, *, grant: GrantStatus, now: datetime
) -> None:
    """Bring a delivery to its end, and its grant with it."""
    if delivery.grant_id is not None:
        grants.settle_grant(session, delivery.grant_id, grant, now=now)
        if grant is GrantStatus.OPEN:
            delivery.grant_id = None  # another message may be sent by it
    why = delivery.last_error
    settle(delivery)
    delivery.last_error = why if to is not D.SENT else None
    delivery.sent_at = now if to is D.SENT else None
    move(session, delivery, to, at=now, actor=ACTOR)


def _lock(session: Session, delivery_id: UUID) -> Delivery:
    return session.get_one(Delivery, delivery_id, with_for_update=True, populate_existing=True)
