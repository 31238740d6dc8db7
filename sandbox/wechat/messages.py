"""Subscribe messages: templates, the grants of people, and one send for each grant."""

import json
import re
import secrets
import sqlite3
from datetime import datetime
from typing import Any

from sandbox.wechat import content, message_values, users
from sandbox.wechat.answers import WechatError

BODY = {"touser", "template_id", "page", "data", "miniprogram_state", "lang"}
STATES = {"developer", "trial", "formal"}
LANGUAGES = {"zh_CN", "en_US", "zh_HK", "zh_TW"}
PAGE = re.compile(r"[0-9A-Za-z_][\x21-\x7e]{0,1023}", re.ASCII)
BAD_OPENID, BAD_TEMPLATE, BAD_PAGE, BAD_ARGUMENT = 40003, 40037, 41030, 40097
REFUSED, SENSITIVE = 43101, 45168


def keep_template(connection: sqlite3.Connection, template_id: str | None, names: list[str]) -> str:
    """A template of the mini-program with these fields; the same id again changes it."""
    template_id = template_id or secrets.token_urlsafe(32)
    connection.execute(
        "INSERT OR REPLACE INTO wx_templates VALUES (?, ?)", (template_id, json.dumps(names))
    )
    return template_id


def names_of(connection: sqlite3.Connection, template_id: Any) -> list[str] | None:
    """The fields of a template; None when there is no such template."""
    row = connection.execute(
        "SELECT names FROM wx_templates WHERE template_id = ?", (str(template_id),)
    ).fetchone()
    return None if row is None else list(json.loads(row["names"]))


def grant(connection: sqlite3.Connection, openid: str, template_id: str, times: int) -> int:
    """The person accepts so often, on top of what is left; 0 takes everything back."""
    connection.execute(
        "INSERT INTO wx_grants VALUES (?, ?, ?) ON CONFLICT (openid, template_id)"
        " DO UPDATE SET times = CASE excluded.times WHEN 0 THEN 0 ELSE times + excluded.times END",
        (openid, template_id, times),
    )
    return _left(connection, openid, template_id)


def send(
    connection: sqlite3.Connection, body: dict[str, Any], *, sensitive: str, now: datetime
) -> None:
    """`subscribe/send`: everything is checked before the grant is used up."""
    for name in body:
        if name not in BODY:
            raise WechatError(BAD_ARGUMENT, f"invalid args, {name} is unknown")
    openid, template_id = body.get("touser"), body.get("template_id")
    if not isinstance(openid, str) or not users.is_somebody(connection, openid):
        raise WechatError(BAD_OPENID)
    names = names_of(connection, template_id)
    if names is None:
        raise WechatError(BAD_TEMPLATE)
    _check_frame(body)
    message_values.check(body.get("data"), names)
    if any(content.found(sensitive, body["data"][name]["value"]) for name in names):
        raise WechatError(SENSITIVE)
    if _left(connection, openid, str(template_id)) < 1:
        raise WechatError(REFUSED)
    connection.execute(
        "UPDATE wx_grants SET times = times - 1 WHERE openid = ? AND template_id = ?",
        (openid, template_id),
    )
    connection.execute(
        "INSERT INTO wx_messages (openid, template_id, content, sent_at) VALUES (?, ?, ?, ?)",
        (openid, template_id, json.dumps(body, ensure_ascii=False), now.isoformat()),
    )


def sent(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Every message that was sent, oldest first."""
    rows = connection.execute("SELECT * FROM wx_messages ORDER BY number")
    return [dict(row) | {"content": json.loads(row["content"])} for row in rows]


def _check_frame(body: dict[str, Any]) -> None:
    page = body.get("page", "index")
    if not isinstance(page, str) or not PAGE.fullmatch(page):
        raise WechatError(BAD_PAGE)
    if body.get("miniprogram_state", "formal") not in STATES:
        raise WechatError(BAD_ARGUMENT, "invalid args, miniprogram_state")
    if body.get("lang", "zh_CN") not in LANGUAGES:
        raise WechatError(BAD_ARGUMENT, "invalid args, lang")


def _left(connection: sqlite3.Connection, openid: str, template_id: str) -> int:
    row = connection.execute(
        "SELECT times FROM wx_grants WHERE openid = ? AND template_id = ?", (openid, template_id)
    ).fetchone()
    return int(row["times"]) if row else 0
