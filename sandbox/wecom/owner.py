"""To act as the owner of chat groups: make them, confirm tasks, see what arrived."""

import json
import sqlite3
import uuid
from typing import Any

from flask import Blueprint, request

from sandbox.control import BadOrder, control_body, text_field
from sandbox.peer import Peer
from sandbox.wecom import callbacks, groups, tasks
from sandbox.wecom.answers import WecomError

TOLD = ("msgid", "sender", "created_at", "confirmed_at", "stopped_at")


def add(blueprint: Blueprint, peer: Peer) -> None:
    """Control paths under `/sandbox/wecom`."""

    @blueprint.post("/sandbox/wecom/groups")
    def make_group() -> dict[str, Any]:
        return _made(peer, control_body())

    @blueprint.post("/sandbox/wecom/confirm")
    def confirm() -> dict[str, Any]:
        return _confirmed(peer, control_body())

    @blueprint.get("/sandbox/wecom/tasks")
    def waiting() -> dict[str, Any]:
        with peer.store.read() as connection:
            rows = connection.execute(
                "SELECT wc_tasks.*, wc_stopped.at AS stopped_at FROM wc_tasks"
                " LEFT JOIN wc_stopped USING (msgid) ORDER BY wc_tasks.rowid"
            ).fetchall()
        sender = request.args.get("sender")
        return {"items": [_task(row) for row in rows if sender in (None, row["sender"])]}

    @blueprint.get("/sandbox/wecom/messages")
    def arrived() -> dict[str, Any]:
        with peer.store.read() as connection:
            rows = connection.execute("SELECT * FROM wc_messages ORDER BY number").fetchall()
        chat_id = request.args.get("chat_id")
        found = [row for row in rows if chat_id in (None, row["chat_id"])]
        return {"items": [dict(row) | {"content": json.loads(row["content"])} for row in found]}


def _made(peer: Peer, body: dict[str, Any]) -> dict[str, Any]:
    """`robot`: true for a new key, or the key itself; it makes the group an internal one."""
    robot = body.get("robot")
    if not isinstance(robot, str | bool | None):
        raise BadOrder("robot must be true or a key")
    key = str(uuid.uuid4()) if robot is True else robot or None
    named = {name: body.get(name) for name in ("chat_id", "opengid")}
    notice_id = None
    if not all(isinstance(value, str | None) for value in named.values()):
        raise BadOrder("chat_id and opengid must be texts")
    try:
        with peer.store.write() as connection:
            row = groups.make(
                connection,
                name=text_field(body, "name"),
                owner=text_field(body, "owner"),
                chat_id=named["chat_id"],
                opengid=named["opengid"] or None,
                robot_key=key,
                now=peer.clock.now(),
            )
            if key is None:
                notice_id = callbacks.announce(peer, connection, row["chat_id"], "create")
    except sqlite3.IntegrityError:
        raise BadOrder("another group has that opengid or robot") from None
    if notice_id is not None:
        peer.notices.wake(notice_id)
    webhook = f"{peer.base_url('wecom')}/cgi-bin/webhook/send?key={key}" if key else None
    told = {name: row[name] for name in ("chat_id", "name", "owner", "opengid", "robot_key")}
    return told | {"webhook_url": webhook}


def _confirmed(peer: Peer, body: dict[str, Any]) -> dict[str, Any]:
    """The owner's press on "send"; pressing twice sends once."""
    quota = peer.settings.get("wecom_group_quota")
    try:
        with peer.store.write() as connection:
            task = tasks.named(connection, {"msgid": text_field(body, "msgid")})
            if body.get("owner", task["sender"]) != task["sender"]:
                raise BadOrder("the task is another owner's")
            if tasks.stopped_at(connection, task["msgid"]) is not None:
                raise BadOrder("the task was stopped")
            sent = tasks.confirm(connection, task, quota, peer.clock.now())
    except WecomError:
        raise BadOrder("no such task") from None
    return {"msgid": task["msgid"], "groups_sent": sent}


def _task(row: sqlite3.Row) -> dict[str, Any]:
    told = {name: row[name] for name in TOLD}
    return told | {"content": tasks.content_of(row)}
