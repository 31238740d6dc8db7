"""Avatars: the member sees theirs at once, others when a platform has found nothing in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Session

from kit.db import Begin
from kit.ids import new_id
from kit.lifecycle import move
from kit.sweep import is_due, lease, postpone, settle
from shop.members import queries, rules
from shop.members.models import AvatarCheck, AvatarStatus, Member, MemberStatus
from shop.members.platforms import ImageCheck, PictureUnseen, Platform, PlatformUnavailable

A = AvatarStatus
ACTOR: Final = "image check"
OPEN: Final = (A.WAITING, A.ASKED)
# The platform tells within half an hour; then its message is lost, and it is asked anew.
VERDICT_WITHIN: Final = timedelta(minutes=40)
UNSEEN_AGAIN_AFTER: Final = timedelta(hours=1)  # who was away may be back
MOST_QUESTIONS: Final = 8
NOBODY_LOOKS: Final = "no platform of the member's looks at pictures"


class ImageVerdict(StrEnum):
    """What a platform says of a picture."""

    FIT = "fit"
    UNFIT = "unfit"  # or a person should look, which nobody here does
    NOT_SEEN = "not_seen"  # it could not be fetched


@dataclass(frozen=True, slots=True)
class _Asked:
    """A check that is ours alone for one call."""

    check_id: UUID
    attempts: int
    platform: Platform
    url: str
    open_id: str


def replace_avatar(session: Session, member: Member, url: str | None, *, now: datetime) -> None:
    """Give a locked member another avatar, or none; raises `rules.AvatarRefused`.

    The same address again is not looked at again, unless its check had come to nothing.
    """
    address = None if url is None else rules.check_avatar_url(url)
    if address is not None and address == member.avatar_url and _is_looked_at(session, member):
        return
    member.avatar_url, member.is_avatar_fit = address, False
    if address is not None:
        session.add(
            AvatarCheck(
                id=new_id(),
                member_id=member.id,
                url=address,
                status=A.WAITING,
                created_at=now,
                due_at=now,
            )
        )


def forget_avatar(session: Session, member: Member) -> None:
    """Take a member's avatar away, and everything that is known of former ones."""
    member.avatar_url, member.is_avatar_fit = None, False
    session.execute(delete(AvatarCheck).where(AvatarCheck.member_id == member.id))


def hand_over(session: Session, gone: Member, kept: Member) -> None:
    """Give a member's avatar and its checks to the member they become part of."""
    kept.avatar_url, kept.is_avatar_fit = gone.avatar_url, gone.is_avatar_fit
    session.execute(
        update(AvatarCheck).where(AvatarCheck.member_id == gone.id).values(member_id=kept.id)
    )


def due_checks(now: datetime) -> Select[UUID]:
    """Select the ids of avatars that a platform is to be asked about, longest due first."""
    return (
        select(AvatarCheck.id)
        .where(AvatarCheck.due_at <= now)
        .order_by(AvatarCheck.due_at, AvatarCheck.id)
    )


def ask_about_avatar(
    begin: Begin, checks: Mapping[Platform, ImageCheck], check_id: UUID, *, now: datetime
) -> None:
    """Have a platform look at an avatar; its verdict comes later, by a message."""
    with begin() as session:
        asked = _take(session, checks, check_id, now=now)
    if asked is None:
        return
    trace_id, why, again = "", "", None
    try:
        trace_id = checks[asked.platform].ask(url=asked.url, open_id=asked.open_id)
    except PictureUnseen as exc:
        why, again = str(exc), UNSEEN_AGAIN_AFTER
    except PlatformUnavailable as exc:
        why = str(exc)
    with begin() as session:
        check = _lock(session, check_id)
        if check.status is not A.WAITING or check.attempts != asked.attempts:
            return
        if trace_id:
            check.trace_id = trace_id
            move(session, check, A.ASKED, at=now, actor=ACTOR)
            postpone(check, "no verdict yet", now=now, by=VERDICT_WITHIN)
        else:
            postpone(check, why, now=now, by=again)


def record_verdict(
    session: Session, trace_id: str, verdict: ImageVerdict, *, now: datetime
) -> bool | None:
    """Apply what a platform says of a picture, once; return whether it changed anything.

    None: the id is not known, or not yet, for the verdict may be faster than our own commit.
    """
    found = select(AvatarCheck.id, AvatarCheck.member_id).where(AvatarCheck.trace_id == trace_id)
    row = session.execute(found).one_or_none()
    if row is None:
        return None
    # A member's lock comes before that of what belongs to them.
    member = session.get_one(Member, row.member_id, with_for_update=True, populate_existing=True)
    check = _lock(session, row.id)
    if check.status is not A.ASKED or check.trace_id != trace_id:
        return False
    if check.url != member.avatar_url:
        _end(session, check, A.REPLACED, now=now)
    elif verdict is ImageVerdict.NOT_SEEN:
        move(session, check, A.WAITING, at=now, actor=ACTOR)
        postpone(check, verdict.value, now=now, by=UNSEEN_AGAIN_AFTER)
    else:
        member.is_avatar_fit = verdict is ImageVerdict.FIT
        _end(session, check, A.PASSED if member.is_avatar_fit else A.REFUSED, now=now)
    return True


def _is_looked_at(session: Session, member: Member) -> bool:
    if member.is_avatar_fit:
        return True
    checks = select(AvatarCheck.id).where(
        AvatarCheck.member_id == member.id,
        AvatarCheck.url == member.avatar_url,
        AvatarCheck.due_at.is_not(None) | (AvatarCheck.status == A.REFUSED),
    )
    return session.scalars(checks.limit(1)).first() is not None


def _take(
    session: Session, checks: Mapping[Platform, ImageCheck], check_id: UUID, *, now: datetime
) -> _Asked | None:
    check = _lock(session, check_id)
    if check.status not in OPEN or not is_due(check, now=now):
        return None
    member = session.get_one(Member, check.member_id)
    if member.status is not MemberStatus.ACTIVE or member.avatar_url != check.url:
        _end(session, check, A.REPLACED, now=now)
        return None
    if check.status is A.ASKED:
        move(session, check, A.WAITING, at=now, actor=ACTOR)
    if check.attempts >= MOST_QUESTIONS:
        check.due_at = None
        return None
    for platform, image_check in checks.items():
        open_id = queries.find_open_id(
            session, member.id, platform=platform, app_id=image_check.app_id
        )
        if open_id is not None:
            lease(check, now=now)
            return _Asked(check.id, check.attempts, platform, check.url, open_id)
    check.due_at, check.last_error = None, NOBODY_LOOKS
    return None


def _end(session: Session, check: AvatarCheck, to: AvatarStatus, *, now: datetime) -> None:
    settle(check)
    check.decided_at = now
    move(session, check, to, at=now, actor=ACTOR)


def _lock(session: Session, check_id: UUID) -> AvatarCheck:
    return session.get_one(AvatarCheck, check_id, with_for_update=True, populate_existing=True)
