"""What WeCom tells of tasks afterwards: the records, who has sent, what became of each group."""

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.wecom import fields, tasks
from sandbox.wecom.answers import WecomError
from sandbox.wecom.fields import Body
from sandbox.wecom.pages import page_of

LONGEST_WINDOW = timedelta(days=31)
DONE = 2

LIST: dict[str, fields.Rule] = {
    "chat_type": fields.one_of("group"),
    "start_time": fields.number(0, 2**33),
    "end_time": fields.number(0, 2**33),
    "creator": fields.text(64),
    "filter_type": fields.number(0, 2),
    "limit": fields.number(1, 100),
    "cursor": fields.text(1024),
}
TASK: dict[str, fields.Rule] = {
    "msgid": fields.anything,
    "limit": fields.number(1, 1000),
    "cursor": fields.text(1024),
}
RESULT: dict[str, fields.Rule] = TASK | {"userid": fields.text(64)}


def listed(connection: sqlite3.Connection, body: Body) -> dict[str, Any]:
    """`get_groupmsg_list_v2`: tasks made in a window; those of the interface name no creator."""
    fields.check(body, LIST, {"chat_type", "start_time", "end_time"})
    start, end = (datetime.fromtimestamp(body[name], UTC) for name in ("start_time", "end_time"))
    if not timedelta(0) <= end - start <= LONGEST_WINDOW:
        raise WecomError(40058, "end_time is not within a month of start_time")
    # 1 wants those that members made in their own client, and there are none here.
    personal = body.get("filter_type", 2) == 1 or bool(body.get("creator"))
    rows = connection.execute("SELECT * FROM wc_tasks ORDER BY rowid").fetchall()
    found = [
        {"msgid": row["msgid"], "create_time": _seconds(row["created_at"]), "create_type": 0}
        | tasks.content_of(row)
        for row in rows
        if not personal and start <= datetime.fromisoformat(row["created_at"]) <= end
    ]
    return _told("group_msg_list", found, body, usual=50)


def members(connection: sqlite3.Connection, body: Body) -> dict[str, Any]:
    """`get_groupmsg_task`: who is to send, and whether they have."""
    fields.check(body, TASK)
    task = tasks.named(connection, body)
    item: dict[str, Any] = {"userid": task["sender"], "status": 0}
    if task["confirmed_at"]:
        item |= {"status": DONE, "send_time": _seconds(task["confirmed_at"])}
    return _told("task_list", [item], body, usual=500)


def results(connection: sqlite3.Connection, body: Body) -> dict[str, Any]:
    """`get_groupmsg_send_result`: what became of each group."""
    fields.check(body, RESULT)
    task = tasks.named(connection, body)
    if body.get("userid") != task["sender"]:
        raise WecomError(40003)
    rows = connection.execute(
        "SELECT * FROM wc_sends WHERE msgid = ? ORDER BY rowid", (task["msgid"],)
    ).fetchall()
    found = [
        {"chat_id": row["chat_id"], "userid": task["sender"], "status": row["status"]}
        | ({"send_time": _seconds(row["sent_at"])} if row["status"] == tasks.SENT else {})
        for row in rows
    ]
    return _told("send_list", found, body, usual=500)


def _told(name: str, found: list[dict[str, Any]], body: Body, *, usual: int) -> dict[str, Any]:
    limit, cursor = body.get("limit", usual), body.get("cursor", "")
    part, following = page_of(found, limit=limit, cursor=cursor)
    return {name: part} | ({"next_cursor": following} if following else {})


def _seconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp())
