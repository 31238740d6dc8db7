"""`flask chat-groups …`: which chat groups leaders run, and how a message gets into each."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import click
from sqlalchemy.orm import Session

from app import process
from app.commands.campaigns import ACTOR
from app.commands.plan_files import explained
from kit.errors import DomainError
from shop.chat_groups import queries, service
from shop.chat_groups.models import ChatChannel, ChatGroup
from shop.chat_groups.rules import DAILY_QUOTA


@click.group("chat-groups", help="Chat groups of leaders, into which pushes go.")
def group() -> None:
    """Hold the commands."""


@group.command("add", help="Write a leader's chat group down; print its id.")
@click.option("--leader", "leader_id", type=click.UUID, required=True)
@click.option("--name", required=True, help="As the leader knows it.")
@click.option(
    "--robot", is_flag=True, help="A robot posts into it; its webhook's key is asked for."
)
@click.option("--chat-id", help="Of a customer group at WeCom.")
@click.option("--sender", help="Its owner's user id at WeCom, who confirms each message.")
@click.option("--opengid", help="What the mini-program calls the group.")
@click.option("--daily-quota", type=int, default=DAILY_QUOTA, show_default=True)
@ACTOR
def add(
    leader_id: UUID,
    name: str,
    robot: bool,
    chat_id: str | None,
    sender: str | None,
    opengid: str | None,
    daily_quota: int,
    actor: str,
) -> None:
    """The key is typed or piped in, not given as a word: words of commands are seen by others."""
    key = _read_key() if robot else None
    ports = process.ports()
    try:
        with ports.begin() as session:
            made = service.add_chat_group(
                session,
                ports.robot_keys,
                channel=ChatChannel.ROBOT if robot else ChatChannel.CUSTOMER_GROUP,
                leader_id=leader_id,
                name=name,
                robot_key=key,
                chat_id=chat_id,
                sender=sender,
                opengid=opengid,
                daily_quota=daily_quota,
                actor=actor,
                now=ports.clock(),
            )
    except DomainError as refusal:
        raise explained(refusal) from None
    click.echo(made.id)


def _read_key() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Key of the robot's webhook", hide_input=True))
    return sys.stdin.readline().strip()


@group.command("list", help="List every chat group, the newest first.")
def list_all() -> None:
    """One line each; keys of robots are not shown."""
    with process.ports().begin() as session:
        for each in queries.list_all(session):
            click.echo(_line(each))


@group.command("opengid", help="Say what the mini-program calls a chat group.")
@click.argument("chat_group_id", metavar="CHAT_GROUP", type=click.UUID)
@click.argument("opengid")
def opengid(chat_group_id: UUID, opengid: str) -> None:
    """Visitors who come from it are known by it."""
    try:
        with process.ports().begin() as session:
            service.name_opengid(session, chat_group_id, opengid)
    except DomainError as refusal:
        raise explained(refusal) from None


@group.command("change", help="Change a chat group; what is not named stays.")
@click.argument("chat_group_id", metavar="CHAT_GROUP", type=click.UUID)
@click.option("--name")
@click.option("--daily-quota", type=int)
@click.option("--sender", help="Of a customer group: its owner's user id at WeCom.")
def change(
    chat_group_id: UUID, name: str | None, daily_quota: int | None, sender: str | None
) -> None:
    """All that is named, or nothing."""
    with _changing(chat_group_id) as (session, found):
        service.change_chat_group(
            session,
            found,
            name=found.name if name is None else name,
            daily_quota=found.daily_quota if daily_quota is None else daily_quota,
            sender=found.sender if sender is None else sender,
            opengid=None,
        )


@group.command("robot", help="Let another robot post into a chat group; its key is asked for.")
@click.argument("chat_group_id", metavar="CHAT_GROUP", type=click.UUID)
def robot(chat_group_id: UUID) -> None:
    """The key is typed or piped in."""
    key = _read_key()
    with _changing(chat_group_id) as (session, found):
        service.replace_robot_key(session, process.ports().robot_keys, found, key)


@group.command("pause", help="Let what is due for a chat group wait.")
@click.argument("chat_group_id", metavar="CHAT_GROUP", type=click.UUID)
def pause(chat_group_id: UUID) -> None:
    """What waits for longer than its campaign lasts is skipped."""
    with _changing(chat_group_id) as (session, found):
        service.pause(session, found.id, now=process.ports().clock())


@group.command("resume", help="Send into a chat group again.")
@click.argument("chat_group_id", metavar="CHAT_GROUP", type=click.UUID)
def resume(chat_group_id: UUID) -> None:
    """What waited goes out at the group's pace."""
    with _changing(chat_group_id) as (session, found):
        service.resume(session, found.id)


@group.command("retire", help="Push nothing into a chat group any more.")
@click.argument("chat_group_id", metavar="CHAT_GROUP", type=click.UUID)
def retire(chat_group_id: UUID) -> None:
    """What is planned for it is skipped; what it brought stays attributed to it."""
    try:
        with process.ports().begin() as session:
            service.retire(session, chat_group_id)
    except DomainError as refusal:
        raise explained(refusal) from None


@contextmanager
def _changing(chat_group_id: UUID) -> Iterator[tuple[Session, ChatGroup]]:
    """Open a transaction with the chat group locked; a refusal is told in words."""
    try:
        with process.ports().begin() as session:
            yield session, queries.lock_chat_group(session, chat_group_id)
    except DomainError as refusal:
        raise explained(refusal) from None


def _line(each: ChatGroup) -> str:
    way = each.channel.value if each.chat_id is None else f"{each.chat_id} by {each.sender}"
    gone = "retired" if each.dismissed_at is None else f"dismissed {each.dismissed_at:%Y-%m-%d}"
    paused = "" if each.paused_at is None else "  paused"
    standing = paused if each.is_active else f"  {gone}"
    return (
        f"{each.id}  {way}  leader {each.leader_id}  {each.daily_quota} a day"
        f"  +{each.members_joined} -{each.members_left}  {each.name}{standing}"
    )
