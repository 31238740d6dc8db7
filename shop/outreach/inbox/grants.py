"""The book of grants: a member's leave to send one message of one template, used at most once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Table, func, inspect, select, update
from sqlalchemy.orm import Session

from kit.ids import new_id
from kit.lifecycle import move, move_many
from shop.members import queries as members
from shop.members.platforms import Platform
from shop.outreach.inbox.models import (
    GRANT_LIFECYCLE,
    GrantAnswer,
    GrantStatus,
    MemberTemplate,
    SubscribeGrant,
)

G = GrantStatus
GRANTS: Final[Table] = inspect(SubscribeGrant).local_table  # type: ignore[assignment] # a mapped class's is one
ACTOR: Final = "outreach"
# No member has use for more; a client that says "accept" all day fills no table.
MOST_OPEN: Final = 10


def note_answers(
    session: Session, member_id: UUID, answers: Mapping[str, GrantAnswer], *, now: datetime
) -> Mapping[str, int]:
    """Write down what a member answered per template; return template → grants open now.

    Templates that nothing is sent by are left out. A ban closes what is open, since the platform
    would refuse it. Raises `members.MemberNotActive`.
    """
    members.lock_member(session, member_id)  # two answers of one member take turns
    known = _known(session) & set(answers)
    for template_id in sorted(known):
        answer = answers[template_id]
        if answer is GrantAnswer.ACCEPT:
            _open(session, member_id, template_id, now=now)
        elif answer is GrantAnswer.BAN:
            close(session, member_id, template_id, now=now)
    session.flush()
    counted = count_open(session, member_id)
    return {template_id: counted.get(template_id, 0) for template_id in sorted(known)}


def count_open(session: Session, member_id: UUID) -> Mapping[str, int]:
    """Return template → grants of the member that are open."""
    counted = session.execute(
        select(SubscribeGrant.template_id, func.count())
        .where(SubscribeGrant.member_id == member_id, SubscribeGrant.status == G.OPEN)
        .group_by(SubscribeGrant.template_id)
    )
    return {template_id: number for template_id, number in counted}  # noqa: C416 - typed


def reserve(
    session: Session, member_id: UUID, template_id: str, *, now: datetime
) -> SubscribeGrant | None:
    """Take the oldest open grant for one message, which nobody else may use; or None."""
    grant = session.scalars(
        select(SubscribeGrant)
        .where(
            SubscribeGrant.member_id == member_id,
            SubscribeGrant.template_id == template_id,
            SubscribeGrant.status == G.OPEN,
        )
        .order_by(SubscribeGrant.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if grant is not None:
        move(session, grant, G.RESERVED, at=now, actor=ACTOR)
    return grant


def settle_grant(session: Session, grant_id: UUID, to: GrantStatus, *, now: datetime) -> None:
    """Use up, close or free a reserved grant."""
    grant = session.get_one(SubscribeGrant, grant_id, with_for_update=True, populate_existing=True)
    if grant.status is G.RESERVED:
        move(session, grant, to, at=now, actor=ACTOR)


def close(session: Session, member_id: UUID, template_id: str, *, now: datetime) -> None:
    """Close every open grant of a template: the platform has said that it knows none."""
    which = (GRANTS.c.member_id == member_id) & (GRANTS.c.template_id == template_id)
    move_many(session, GRANTS, GRANT_LIFECYCLE, which, old=G.OPEN, to=G.CLOSED, at=now, actor=ACTOR)


def reassign(session: Session, *, gone_id: UUID, kept_id: UUID) -> None:
    """Give a joined member's grants to the member they became part of."""
    session.execute(
        update(SubscribeGrant).where(SubscribeGrant.member_id == gone_id).values(member_id=kept_id)
    )


def _open(session: Session, member_id: UUID, template_id: str, *, now: datetime) -> None:
    if count_open(session, member_id).get(template_id, 0) < MOST_OPEN:
        session.add(
            SubscribeGrant(
                id=new_id(),
                member_id=member_id,
                template_id=template_id,
                status=G.OPEN,
                granted_at=now,
            )
        )


def _known(session: Session) -> set[str]:
    ours = select(MemberTemplate.template_id).where(MemberTemplate.platform == Platform.WECHAT)
    return set(session.scalars(ours))
