"""Chat groups: internal ones, which may have a robot, and customer groups, which never have one."""

import secrets
import sqlite3
from datetime import datetime
from typing import Any

from sandbox.wecom import fields
from sandbox.wecom.answers import WecomError
from sandbox.wecom.fields import Body
from sandbox.wecom.pages import page_of

LIST: dict[str, fields.Rule] = {
    "status_filter": fields.number(0, 3),
    "owner_filter": fields.anything,
    "cursor": fields.text(1024),
    "limit": fields.number(1, 1000),
}
OWNERS: dict[str, fields.Rule] = {"userid_list": fields.texts(100, 64)}
GET: dict[str, fields.Rule] = {"chat_id": fields.text(64), "need_name": fields.number(0, 1)}
OPENGID: dict[str, fields.Rule] = {"opengid": fields.text(128)}


def make(
    connection: sqlite3.Connection,
    *,
    name: str,
    owner: str,
    chat_id: str | None,
    opengid: str | None,
    robot_key: str | None,
    now: datetime,
) -> sqlite3.Row:
    """A group, or the changed one when the `chat_id` is known; a robot makes it an internal one."""
    chat_id = chat_id or "wr" + secrets.token_urlsafe(22)
    connection.execute(
        "INSERT INTO wc_groups VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (chat_id) DO UPDATE SET"
        " name = excluded.name, owner = excluded.owner, robot_key = excluded.robot_key,"
        " opengid = COALESCE(?, opengid)",
        (
            chat_id,
            name,
            owner,
            opengid or "t" + secrets.token_urlsafe(20),
            robot_key,
            now.isoformat(),
            opengid,
        ),
    )
    row: sqlite3.Row = connection.execute(
        "SELECT * FROM wc_groups WHERE chat_id = ?", (chat_id,)
    ).fetchone()
    return row


def of_robot(connection: sqlite3.Connection, key: str) -> sqlite3.Row:
    """The group in which the robot of this key stands; 93000 without one."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM wc_groups WHERE robot_key = ?", (key,)
    ).fetchone()
    if row is None:
        raise WecomError(93000)
    return row


def of_owner(connection: sqlite3.Connection, owner: str) -> list[str]:
    """The customer groups that a member owns."""
    rows = connection.execute(
        "SELECT chat_id FROM wc_groups WHERE owner = ? AND robot_key IS NULL ORDER BY rowid",
        (owner,),
    )
    return [row["chat_id"] for row in rows]


def listed(connection: sqlite3.Connection, body: Body) -> dict[str, Any]:
    """`groupchat/list`: customer groups, a page at a time."""
    fields.check(body, LIST, {"limit"})
    owners = fields.check(body.get("owner_filter", {}), OWNERS, inside="owner_filter")
    wanted = set(owners.get("userid_list", ()))
    rows = connection.execute("SELECT * FROM wc_groups WHERE robot_key IS NULL ORDER BY rowid")
    found = [
        {"chat_id": row["chat_id"], "status": 0}
        for row in rows
        if not wanted or row["owner"] in wanted
    ]
    # Every customer group here is in its normal state, 0; the others are those of who left.
    shown = found if body.get("status_filter", 0) == 0 else []
    part, cursor = page_of(shown, limit=body["limit"], cursor=body.get("cursor", ""))
    return {"group_chat_list": part} | ({"next_cursor": cursor} if cursor else {})


def shown(connection: sqlite3.Connection, body: Body) -> dict[str, Any]:
    """`groupchat/get`: one customer group and its owner."""
    fields.check(body, GET, {"chat_id"})
    row = connection.execute(
        "SELECT * FROM wc_groups WHERE chat_id = ?", (body["chat_id"],)
    ).fetchone()
    if row is None:
        raise WecomError(86003)
    if row["robot_key"] is not None:
        raise WecomError(90501)
    created = int(datetime.fromisoformat(row["created_at"]).timestamp())
    owner = {"userid": row["owner"], "type": 1, "join_time": created, "join_scene": 1}
    if body.get("need_name") == 1:
        owner["name"] = row["owner"]
    return {
        "group_chat": {
            "chat_id": row["chat_id"],
            "name": row["name"],
            "owner": row["owner"],
            "create_time": created,
            "member_list": [owner],
            "admin_list": [],
            "member_version": "1",
        }
    }


def chat_of_opengid(connection: sqlite3.Connection, body: Body) -> dict[str, Any]:
    """`opengid_to_chatid`: the customer group behind what a mini-program sees of it."""
    fields.check(body, OPENGID, {"opengid"})
    row = connection.execute(
        "SELECT * FROM wc_groups WHERE opengid = ?", (body["opengid"],)
    ).fetchone()
    if row is None:
        raise WecomError(40058, "opengid is invalid")
    if row["robot_key"] is not None:
        raise WecomError(90501)
    return {"chat_id": row["chat_id"]}
