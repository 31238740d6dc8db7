"""Chat groups as operators keep them: adding, naming their opengid, retiring, handing over."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from kit.errors import Conflict
from kit.ids import new_id
from shop.chat_groups import queries
from shop.chat_groups.models import ChatChannel, ChatGroup
from shop.chat_groups.robot_keys import RobotKeys
from shop.chat_groups.rules import (
    DAILY_QUOTA,
    check_name,
    check_opengid,
    check_quota,
    check_way_in,
)
from shop.members import queries as members


class ChatGroupKnown(Conflict):
    """Another chat group has this robot, chat id or opengid."""

    code = "chat_groups.known"
    title = "Another chat group has this robot, chat id or opengid"
    message = "该群已登记"


class NotALeader(Conflict):
    """Only approved leaders run chat groups."""

    code = "chat_groups.not_a_leader"
    title = "The member is not an approved leader"
    message = "该会员不是团长"


def add_chat_group(
    session: Session,
    robot_keys: RobotKeys,
    *,
    channel: ChatChannel,
    leader_id: UUID,
    name: str,
    robot_key: str | None = None,
    chat_id: str | None = None,
    sender: str | None = None,
    opengid: str | None = None,
    daily_quota: int = DAILY_QUOTA,
    actor: str,
    now: datetime,
) -> ChatGroup:
    """Write a chat group of a leader down.

    Raises `BadChatGroup`, `ChatGroupKnown`, `NotALeader`, `members.MemberNotFound` or
    `members.MemberNotActive`.
    """
    check_way_in(channel, robot_key=robot_key, chat_id=chat_id, sender=sender)
    check_quota(daily_quota)
    if opengid is not None:
        check_opengid(opengid)
    if members.lock_member(session, leader_id).leader_since is None:
        raise NotALeader
    key_hash = None if robot_key is None else robot_keys.hash(robot_key)
    _check_new(session, key_hash=key_hash, chat_id=chat_id, opengid=opengid)
    group_id = new_id()
    group = ChatGroup(
        id=group_id,
        channel=channel,
        leader_id=leader_id,
        name=check_name(name),
        robot_key_sealed=(
            None if robot_key is None else robot_keys.seal(robot_key, chat_group_id=group_id)
        ),
        robot_key_hash=key_hash,
        chat_id=chat_id,
        sender=sender,
        opengid=opengid,
        daily_quota=daily_quota,
        created_by=actor,
        created_at=now,
    )
    session.add(group)
    session.flush()
    return group


def name_opengid(session: Session, chat_group_id: UUID, opengid: str) -> None:
    """Let visitors who come from the group be known by its opengid.

    Raises `BadChatGroup`, `ChatGroupKnown` or `queries.ChatGroupNotFound`.
    """
    check_opengid(opengid)
    group = queries.lock_chat_group(session, chat_group_id)
    if group.opengid != opengid:
        _check_new(session, key_hash=None, chat_id=None, opengid=opengid)
        group.opengid = opengid
        session.flush()


def retire(session: Session, chat_group_id: UUID) -> None:
    """Send nothing into the group any more; what came from it stays attributed to it."""
    queries.lock_chat_group(session, chat_group_id).is_active = False


def reassign(session: Session, *, gone_id: UUID, kept_id: UUID) -> None:
    """Give a joined member's chat groups to the member they became part of."""
    session.execute(
        update(ChatGroup).where(ChatGroup.leader_id == gone_id).values(leader_id=kept_id)
    )


def _check_new(
    session: Session, *, key_hash: bytes | None, chat_id: str | None, opengid: str | None
) -> None:
    given = [
        column == value
        for column, value in (
            (ChatGroup.robot_key_hash, key_hash),
            (ChatGroup.chat_id, chat_id),
            (ChatGroup.opengid, opengid),
        )
        if value is not None
    ]
    if session.scalars(select(ChatGroup.id).where(or_(*given)).limit(1)).one_or_none():
        raise ChatGroupKnown
