"""Broadcast tasks: made by the company, sent into customer groups when their owner confirms."""

import json
import secrets
import sqlite3
from datetime import datetime, timedelta
from typing import Any

from sandbox.wecom import fields, groups
from sandbox.wecom.answers import WecomError
from sandbox.wecom.fields import Body
from sandbox.wecom.quotas import is_used_up

UNSENT, SENT, NOT_OWNER, QUOTA_USED = 0, 1, 2, 3
REMINDERS, REMINDED_WITHIN = 3, timedelta(hours=24)
MOST_ATTACHMENTS = 9
MINI_PROGRAM_NOT_BOUND = 90206

ADD: dict[str, fields.Rule] = {
    "chat_type": fields.one_of("group"),
    "chat_id_list": fields.texts(2000, 64),
    "sender": fields.text(64),
    "allow_select": fields.boolean,
    "text": fields.anything,
    "attachments": fields.anything,
}
TEXT: dict[str, fields.Rule] = {"content": fields.text(4000)}
ATTACHMENTS: dict[str, tuple[dict[str, fields.Rule], set[str]]] = {
    "image": ({"media_id": fields.text(512), "pic_url": fields.text(2048)}, set()),
    "link": (
        {
            "title": fields.text(128),
            "picurl": fields.text(2048),
            "desc": fields.text(512),
            "url": fields.text(2048),
        },
        {"title", "url"},
    ),
    "miniprogram": (
        {
            "title": fields.text(64),
            "pic_media_id": fields.text(512),
            "appid": fields.text(64),
            "page": fields.text(1024),
        },
        {"title", "pic_media_id", "appid", "page"},
    ),
}


def add(
    connection: sqlite3.Connection, body: Body, *, app_id: str, now: datetime
) -> dict[str, Any]:
    """`add_msg_template` for customer groups: nothing is sent before the owner confirms."""
    fields.check(body, ADD, {"chat_type", "sender"})
    _check_content(connection, body, app_id, now)
    owned = groups.of_owner(connection, body["sender"])
    if not owned:
        raise WecomError(40003, "sender owns no customer group")
    wanted = list(dict.fromkeys(body.get("chat_id_list") or owned))
    reached = [chat_id for chat_id in wanted if chat_id in set(owned)]
    if not reached:
        raise WecomError(41048)
    msgid = "msg" + secrets.token_urlsafe(24)
    connection.execute(
        "INSERT INTO wc_tasks VALUES (?, ?, ?, ?, NULL)",
        (msgid, body["sender"], json.dumps(body, ensure_ascii=False), now.isoformat()),
    )
    connection.executemany(
        "INSERT INTO wc_sends VALUES (?, ?, ?, NULL)",
        [(msgid, chat_id, UNSENT) for chat_id in reached],
    )
    return {"fail_list": [one for one in wanted if one not in reached], "msgid": msgid}


def remind(connection: sqlite3.Connection, body: Body, *, limited: bool, now: datetime) -> None:
    """`remind_groupmsg_send`: the owner is reminded, three times in 24 hours at most."""
    msgid = _going_on(connection, body)["msgid"]
    since = (now - REMINDED_WITHIN).isoformat()
    row = connection.execute(
        "SELECT COUNT(*) AS times FROM wc_reminders WHERE msgid = ? AND at > ?", (msgid, since)
    ).fetchone()
    if limited and row["times"] >= REMINDERS:
        raise WecomError(45009, "reminded three times within 24 hours")
    connection.execute("INSERT INTO wc_reminders VALUES (?, ?)", (msgid, now.isoformat()))


def stop(connection: sqlite3.Connection, body: Body, *, now: datetime) -> None:
    """`cancel_groupmsg_send`: its owner cannot send it any more; what was sent stays where it is.

    The platform's documents name no code for a task that was stopped before; we refuse it.
    """
    task = _going_on(connection, body)
    connection.execute("INSERT INTO wc_stopped VALUES (?, ?)", (task["msgid"], now.isoformat()))


def stopped_at(connection: sqlite3.Connection, msgid: str) -> str | None:
    """When the company stopped a task, if it did."""
    row = connection.execute("SELECT at FROM wc_stopped WHERE msgid = ?", (msgid,)).fetchone()
    return row["at"] if row else None


def confirm(connection: sqlite3.Connection, task: sqlite3.Row, quota: str, now: datetime) -> int:
    """The owner presses "send": how many groups got it; who was there before gets nothing twice."""
    content = content_of(task)
    sends = connection.execute(
        "SELECT * FROM wc_sends WHERE msgid = ? AND status = ? ORDER BY rowid",
        (task["msgid"], UNSENT),
    ).fetchall()
    owned = set(groups.of_owner(connection, task["sender"]))
    for send in sends:
        chat_id = send["chat_id"]
        status = NOT_OWNER
        if chat_id in owned:
            status = QUOTA_USED if is_used_up(connection, chat_id, quota, now) else SENT
        connection.execute(
            "UPDATE wc_sends SET status = ?, sent_at = ? WHERE msgid = ? AND chat_id = ?",
            (status, now.isoformat(), task["msgid"], chat_id),
        )
        if status == SENT:
            connection.execute(
                "INSERT INTO wc_messages (chat_id, came_by, msgid, content, arrived_at)"
                " VALUES (?, 'task', ?, ?, ?)",
                (chat_id, task["msgid"], json.dumps(content, ensure_ascii=False), now.isoformat()),
            )
    connection.execute(
        "UPDATE wc_tasks SET confirmed_at = COALESCE(confirmed_at, ?) WHERE msgid = ?",
        (now.isoformat(), task["msgid"]),
    )
    row = connection.execute(
        "SELECT COUNT(*) AS sent FROM wc_sends WHERE msgid = ? AND status = ?",
        (task["msgid"], SENT),
    ).fetchone()
    return int(row["sent"])


def named(connection: sqlite3.Connection, body: Body) -> sqlite3.Row:
    """The task that `msgid` names; 41046 without one, 41047 when there is no such task."""
    msgid = body.get("msgid")
    if not isinstance(msgid, str) or not msgid:
        raise WecomError(41046)
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM wc_tasks WHERE msgid = ?", (msgid,)
    ).fetchone()
    if row is None:
        raise WecomError(41047)
    return row


def _going_on(connection: sqlite3.Connection, body: Body) -> sqlite3.Row:
    task = named(connection, body)
    if stopped_at(connection, task["msgid"]) is not None:
        raise WecomError(41047, "the task was stopped")
    return task


def content_of(task: sqlite3.Row) -> Body:
    """What the groups see of a task."""
    body = json.loads(task["content"])
    return {name: body[name] for name in ("text", "attachments") if name in body}


def _check_content(connection: sqlite3.Connection, body: Body, app_id: str, now: datetime) -> None:
    """A text, attachments, or both."""
    content = fields.check(body.get("text", {}), TEXT, inside="text").get("content")
    attachments = body.get("attachments") or []
    if not isinstance(attachments, list) or len(attachments) > MOST_ATTACHMENTS:
        raise WecomError(40058, f"attachments exceed max size {MOST_ATTACHMENTS}")
    if not content and not attachments:
        raise WecomError(40063, "text and attachments")
    for attachment in attachments:
        kind = attachment.get("msgtype") if isinstance(attachment, dict) else None
        if kind not in ATTACHMENTS:
            raise WecomError(40008)
        fields.check(attachment, {"msgtype": fields.anything, kind: fields.anything}, {kind})
        rules, required = ATTACHMENTS[kind]
        part = fields.check(attachment[kind], rules, required, inside=kind)
        _check_media(connection, part, now)
        if part.get("appid", app_id) != app_id:
            raise WecomError(MINI_PROGRAM_NOT_BOUND, "miniprogram is not bound to the corp")


def _check_media(connection: sqlite3.Connection, part: Body, now: datetime) -> None:
    media_id = part.get("pic_media_id") or part.get("media_id")
    if media_id is None:
        return
    row = connection.execute(
        "SELECT expires_at FROM wc_media WHERE media_id = ?", (media_id,)
    ).fetchone()
    if row is None or datetime.fromisoformat(row["expires_at"]) <= now:
        raise WecomError(40007)
