"""Whose a platform's identity is: found, or made exactly once however many ask at the same time."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from kit.ids import new_id
from shop.members import queries
from shop.members.models import Identity, Member, MemberStatus
from shop.members.platforms import PlatformIdentity
from shop.members.turns import take_turns


def find_or_make_owner(
    session: Session, identity: PlatformIdentity, *, now: datetime
) -> tuple[Member, Identity, bool]:
    """Return the identity's member, locked, its row, and whether the member is new.

    A new identity whose union id a member has already becomes that member's. A union id learned
    later is written down and joins nobody: that is for the members to ask. Raises
    `queries.MemberNotActive` when the member is joined or deleted at this moment.
    """
    known = _find(session, identity)
    if known is None:
        # Two first sign-ins at once would make two members: the second waits, and finds one.
        take_turns(session, identity.platform, identity.app_id, identity.open_id)
        known = _find(session, identity)
    if known is not None:
        member = queries.lock_member(session, known.member_id)
        known.union_id = identity.union_id or known.union_id
        return member, known, False
    found = _lock_owner_of_union(session, identity)
    member = found or _add_member(session, now=now)
    return member, _add(session, identity, member, now=now), found is None


def _find(session: Session, identity: PlatformIdentity) -> Identity | None:
    return session.scalars(
        select(Identity).where(
            Identity.platform == identity.platform,
            Identity.app_id == identity.app_id,
            Identity.open_id == identity.open_id,
        )
    ).one_or_none()


def _lock_owner_of_union(session: Session, identity: PlatformIdentity) -> Member | None:
    """Return the member who has the union id, locked; of several the one who came first."""
    if identity.union_id is None:
        return None
    take_turns(session, identity.platform, identity.union_id)
    member_id = session.scalars(
        select(Identity.member_id)
        .where(Identity.platform == identity.platform, Identity.union_id == identity.union_id)
        .order_by(Identity.id)
        .limit(1)
    ).one_or_none()
    return None if member_id is None else queries.lock_member(session, member_id)


def _add_member(session: Session, *, now: datetime) -> Member:
    member = Member(id=new_id(), status=MemberStatus.ACTIVE, created_at=now)
    session.add(member)
    session.flush()  # the identity names the member
    return member


def _add(
    session: Session, identity: PlatformIdentity, member: Member, *, now: datetime
) -> Identity:
    row = Identity(
        id=new_id(),
        member_id=member.id,
        platform=identity.platform,
        app_id=identity.app_id,
        open_id=identity.open_id,
        union_id=identity.union_id,
        created_at=now,
    )
    session.add(row)
    session.flush()  # the sign-in names the identity
    return row
