"""Leaders' invites for many chat groups at once, and whom a chat group brought."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, Select, Table, inspect, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kit.ids import new_id
from kit.rows import array_table
from shop.chat_groups.models import ChatGroup
from shop.members.models import Member, MemberStatus
from shop.referral.models import Invite, Touch
from shop.referral.rules import new_code

INVITES: Final[Table] = inspect(Invite).local_table  # type: ignore[assignment] # a mapped class's is one
EACH: Final = ("id", "member_id", "chat_group_id", "code")


def give_invites(
    session: Session, groups: Sequence[ChatGroup], *, campaign_id: UUID, now: datetime
) -> Mapping[UUID, str]:
    """Return chat group id → the code of its leader's invite for the campaign, made if need be."""
    row = array_table("row", {key: INVITES.c[key].type for key in EACH})
    same = {"campaign_id": campaign_id, "created_at": now, "views": 0}
    statement = (
        insert(INVITES)
        .from_select(
            [*EACH, *same, "is_current"],
            select(
                *(row.c[key] for key in EACH),
                *(literal(value, INVITES.c[key].type) for key, value in same.items()),
                literal(True, Boolean()),
            ),
        )
        .on_conflict_do_nothing()
    )
    values: dict[str, Any] = {
        "row_id": [new_id() for _ in groups],
        "row_member_id": [group.leader_id for group in groups],
        "row_chat_group_id": [group.id for group in groups],
        "row_code": [new_code() for _ in groups],
    }
    if groups:
        session.execute(statement, values)
    leaders = {group.id: group.leader_id for group in groups}
    given = select(Invite.chat_group_id, Invite.member_id, Invite.code).where(
        Invite.campaign_id == campaign_id,
        Invite.chat_group_id.in_([group.id for group in groups]),
        Invite.is_current,
    )
    return {
        group_id: code
        for group_id, leader_id, code in session.execute(given)
        if group_id is not None and leaders[group_id] == leader_id
    }


def list_brought(session: Session, chat_group_id: UUID) -> Sequence[UUID]:
    """Return the active members who were ever bound by an invite of the chat group."""
    return session.scalars(_brought(Invite.chat_group_id == chat_group_id)).all()


def list_around(session: Session, member_id: UUID, *, at: datetime) -> Sequence[UUID]:
    """Return the active members of the chat groups that the member runs, or came from lately."""
    run = select(ChatGroup.id).where(ChatGroup.leader_id == member_id, ChatGroup.is_active)
    came_from = (
        select(Invite.chat_group_id)
        .join(Touch, Touch.invite_id == Invite.id)
        .where(
            Touch.member_id == member_id,
            Touch.refusal.is_(None),
            Touch.at <= at,
            Touch.expires_at > at,
            Invite.chat_group_id.is_not(None),
        )
    )
    groups = set(session.scalars(run)) | set(session.scalars(came_from))
    return session.scalars(_brought(Invite.chat_group_id.in_(groups))).all() if groups else []


def _brought(by: ColumnElement[bool]) -> Select[UUID]:
    return (
        select(Touch.member_id)
        .join(Invite, Invite.id == Touch.invite_id)
        .join(Member, Member.id == Touch.member_id)
        .where(by, Touch.refusal.is_(None), Member.status == MemberStatus.ACTIVE)
        .distinct()
        .order_by(Touch.member_id)
    )
