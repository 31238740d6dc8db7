"""Leaders 团长: members approved to run chat groups, and to sell from the catalogue in them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from kit.errors import Conflict, Forbidden
from shop.members import queries
from shop.members.models import Member, MemberStatus


class NotALeader(Forbidden):
    """Only a member whom an operator approved as a leader may do this."""

    code = "members.not_a_leader"
    title = "Only approved leaders may do this"
    message = "仅限已认证的团长操作"


class LeaderAlready(Conflict):
    """The member is a leader."""

    code = "members.leader_already"
    title = "The member is a leader already"
    message = "该会员已是团长"


class NotApproved(Conflict):
    """The member is no leader, so there is nothing to revoke."""

    code = "members.leader_not_approved"
    title = "The member is no leader"
    message = "该会员不是团长"


class NotApplied(Conflict):
    """The member does not wait for an answer."""

    code = "members.not_applied"
    title = "The member did not apply, or has an answer"
    message = "该会员没有待处理的团长申请"


def apply_as_leader(session: Session, member_id: UUID, *, now: datetime) -> Member:
    """Have an operator look at the member; who waits already goes on waiting.

    Raises `LeaderAlready`, `queries.MemberNotFound` or `queries.MemberNotActive`.
    """
    member = queries.lock_member(session, member_id)
    if member.leader_since is not None:
        raise LeaderAlready
    member.leader_applied_at = member.leader_applied_at or now
    member.leader_declined_why = None
    return member


def decline_leader(session: Session, member_id: UUID, *, why: str) -> Member:
    """Answer an application with no; the member sees why, and may apply again.

    Raises `NotApplied`, `queries.MemberNotFound` or `queries.MemberNotActive`.
    """
    member = queries.lock_member(session, member_id)
    if member.leader_applied_at is None:
        raise NotApplied
    member.leader_applied_at, member.leader_declined_why = None, why[:200]
    return member


def list_applicants(session: Session) -> Sequence[Member]:
    """Return every active member who waits for an answer, the longest first."""
    waiting = select(Member).where(*has_applied())
    return session.scalars(waiting.order_by(Member.leader_applied_at, Member.id)).all()


def count_applicants(session: Session) -> int:
    """Count those who wait for an answer."""
    waiting = select(func.count()).select_from(Member).where(*has_applied())
    return session.scalar(waiting) or 0


def has_applied() -> tuple[ColumnElement[bool], ...]:
    """Say of a member's row in SQL that they wait for an answer."""
    return (
        Member.leader_applied_at.is_not(None),
        Member.leader_since.is_(None),  # a joining may have made them one
        Member.status == MemberStatus.ACTIVE,
    )


def approve_leader(session: Session, member_id: UUID, *, now: datetime) -> Member:
    """Make the member a leader, whether they applied or not.

    Raises `LeaderAlready`, `queries.MemberNotFound` or `queries.MemberNotActive`.
    """
    member = queries.lock_member(session, member_id)
    if member.leader_since is not None:
        raise LeaderAlready
    member.leader_since = now
    member.leader_applied_at = member.leader_declined_why = None
    return member


def revoke_leader(session: Session, member_id: UUID) -> Member:
    """Let the member open nothing new as a leader; what is open runs on to its end.

    Raises `NotApproved`, `queries.MemberNotFound` or `queries.MemberNotActive`.
    """
    member = queries.lock_member(session, member_id)
    if member.leader_since is None:
        raise NotApproved
    member.leader_since = None
    return member


def lock_leader(session: Session, member_id: UUID) -> Member:
    """Return the leader, locked and fresh, so that nobody revokes them meanwhile.

    Raises `NotALeader`, `queries.MemberNotFound` or `queries.MemberNotActive`.
    """
    member = queries.lock_member(session, member_id)
    check_leader(member)
    return member


def check_leader(member: Member) -> None:
    """Raise `NotALeader` unless the member was one when it was read."""
    if member.leader_since is None:
        raise NotALeader


def list_leaders(session: Session) -> Sequence[Member]:
    """Return every leader, the longest approved first."""
    leaders = select(Member).where(Member.leader_since.is_not(None))
    return session.scalars(leaders.order_by(Member.leader_since, Member.id)).all()
