"""Chat groups as operators keep them: adding, changing, pausing, retiring, handing over."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from kit.crypto import same
from kit.errors import Conflict
from kit.ids import new_id
from kit.outbox import emit
from shop.chat_groups import queries
from shop.chat_groups.events import ChatGroupAdded
from shop.chat_groups.models import ChatChannel, ChatGroup
from shop.chat_groups.robot_keys import RobotKeys
from shop.chat_groups.rules import (
    DAILY_QUOTA,
    BadChatGroup,
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


class Retired(Conflict):
    """Nothing goes into the chat group any more, for good."""

    code = "chat_groups.retired"
    title = "The chat group is retired"
    message = "该群已停用"


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
    emit(session, ChatGroupAdded(str(group_id), str(leader_id)), now=now)
    return group


def change_chat_group(
    session: Session,
    group: ChatGroup,
    *,
    name: str,
    daily_quota: int,
    sender: str | None,
    opengid: str | None,
) -> None:
    """Change what an operator may change of a locked chat group: its key and chat id stay.

    Raises `BadChatGroup`, `ChatGroupKnown` or `Retired`.
    """
    _check_kept(group)
    check_quota(daily_quota)
    if group.channel is ChatChannel.CUSTOMER_GROUP:
        check_way_in(group.channel, robot_key=None, chat_id=group.chat_id, sender=sender)
    elif sender is not None:
        raise BadChatGroup(reason="a robot has no sender")
    group.name, group.daily_quota, group.sender = check_name(name), daily_quota, sender
    if opengid is not None and opengid != group.opengid:
        name_opengid(session, group.id, opengid)


def replace_robot_key(
    session: Session, robot_keys: RobotKeys, group: ChatGroup, robot_key: str
) -> None:
    """Let another robot post into a locked chat group from now on; nobody sees the key again.

    Raises `BadChatGroup`, `ChatGroupKnown` or `Retired`.
    """
    _check_kept(group)
    if group.channel is not ChatChannel.ROBOT:
        raise BadChatGroup(reason="a customer group has no robot")
    check_way_in(group.channel, robot_key=robot_key, chat_id=None, sender=None)
    key_hash = robot_keys.hash(robot_key)
    if not same(key_hash, group.robot_key_hash or b""):
        _check_new(session, key_hash=key_hash, chat_id=None, opengid=None)
    group.robot_key_sealed = robot_keys.seal(robot_key, chat_group_id=group.id)
    group.robot_key_hash = key_hash


def pause(session: Session, chat_group_id: UUID, *, now: datetime) -> None:
    """Let what is due for the chat group wait; raises `Retired` or `queries.ChatGroupNotFound`."""
    group = queries.lock_chat_group(session, chat_group_id)
    _check_kept(group)
    group.paused_at = group.paused_at or now


def resume(session: Session, chat_group_id: UUID) -> None:
    """Send into the chat group again; raises `Retired` or `queries.ChatGroupNotFound`."""
    group = queries.lock_chat_group(session, chat_group_id)
    _check_kept(group)
    group.paused_at = None


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


def _check_kept(group: ChatGroup) -> None:
    if not group.is_active:
        raise Retired
