"""Mini-program messages of Alipay: templates, subscriptions that count once, and checked texts."""

import json
import secrets
import sqlite3
from datetime import datetime
from typing import Any

from sandbox.alipay import users
from sandbox.alipay.answers import AlipayError
from sandbox.alipay.fields import Content

LONGEST_VALUE = 50
LONGEST_PAGE = 128


def keep_template(connection: sqlite3.Connection, template_id: str | None, keywords: int) -> str:
    """A template with `keyword1` to `keyword<n>`; the same id again changes it."""
    template_id = template_id or secrets.token_hex(16)
    connection.execute("INSERT OR REPLACE INTO ap_templates VALUES (?, ?)", (template_id, keywords))
    return template_id


def keywords_of(connection: sqlite3.Connection, template_id: str) -> list[str] | None:
    """The keywords of a template; None when there is no such template."""
    row = connection.execute(
        "SELECT keywords FROM ap_templates WHERE template_id = ?", (template_id,)
    ).fetchone()
    return None if row is None else [f"keyword{n}" for n in range(1, row["keywords"] + 1)]


def subscribe(connection: sqlite3.Connection, open_id: str, template_id: str, times: int) -> None:
    """The person subscribes for so many messages more; 0 unsubscribes."""
    connection.execute(
        "INSERT INTO ap_grants VALUES (?, ?, ?, ?) ON CONFLICT (open_id, template_id) DO UPDATE SET"
        " times = CASE excluded.times WHEN 0 THEN 0 ELSE times + excluded.times END,"
        " is_subscribed = excluded.is_subscribed",
        (open_id, template_id, times, times > 0),
    )


def send(connection: sqlite3.Connection, content: Content, *, words: str, now: datetime) -> None:
    """`templatemessage.send`: everything is checked before the subscription is used up."""
    open_id, template_id = content["to_open_id"], content["user_template_id"]
    if not users.is_known(connection, open_id):
        raise AlipayError("USER_ID_INVALID", "用户ID不合法")
    keywords = keywords_of(connection, template_id)
    if keywords is None:
        raise AlipayError("USER_TEMPLATE_ILLEGAL", "用户模板不合法")
    if len(content["page"]) > LONGEST_PAGE:
        raise AlipayError("PAGE_OVER_LIMIT", "page长度超过限制")
    _check_data(_data_of(content), keywords, words)
    _use_up(connection, open_id, template_id)
    connection.execute(
        "INSERT INTO ap_messages (open_id, template_id, content, sent_at) VALUES (?, ?, ?, ?)",
        (open_id, template_id, json.dumps(content, ensure_ascii=False), now.isoformat()),
    )


def sent(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Every message that was sent, oldest first."""
    rows = connection.execute("SELECT * FROM ap_messages ORDER BY number")
    return [dict(row) | {"content": json.loads(row["content"])} for row in rows]


def verdict(text: str, *, rejected: str, review: str) -> dict[str, Any]:
    """`content.detect`: the first listed word decides."""
    number = {"unique_id": secrets.token_hex(16)}
    for action, words in (("REJECTED", rejected), ("REVIEW", review)):
        if word := _found(words, text):
            return {"action": action, "keywords": [word]} | number
    return {"action": "PASSED"} | number


def _data_of(content: Content) -> dict[str, Any]:
    """`data` is a JSON text inside the JSON."""
    if not content.get("data"):
        raise AlipayError("DATA_IS_EMPTY", "data为空")
    try:
        data = json.loads(content["data"])
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise AlipayError("DATA_CONTENT_FORMAT_ERROR", "data格式错误")
    return data


def _check_data(data: dict[str, Any], keywords: list[str], words: str) -> None:
    for name in keywords:
        part = data.get(name)
        if part is None:
            raise AlipayError("USER_TEMPLATE_LACK_KEYWORD", "用户模板缺少关键字")
        value = part.get("value") if isinstance(part, dict) and set(part) == {"value"} else None
        if not isinstance(value, str) or not value:
            raise AlipayError("DATA_CONTENT_FORMAT_ERROR", "data格式错误")
        if len(value) > LONGEST_VALUE:
            raise AlipayError("USER_KEYWORD_LENGTH_ERROR", "关键字长度超过限制")
        if _found(words, value):
            raise AlipayError("DATA_SENSITIVE", "data包含敏感词")
    if set(data) - set(keywords):
        raise AlipayError("MESSAGE_TEMPLATE_KEYWORD_ILLEGAL", "消息模板关键字不合法")


def _use_up(connection: sqlite3.Connection, open_id: str, template_id: str) -> None:
    row = connection.execute(
        "SELECT * FROM ap_grants WHERE open_id = ? AND template_id = ?", (open_id, template_id)
    ).fetchone()
    if row is None or not row["is_subscribed"]:
        raise AlipayError("MSG_UNSUBSCRIBED", "用户未订阅该消息")
    if row["times"] < 1:
        raise AlipayError("MSG_SINGLE_SD_OVER", "一次性订阅消息已发送")
    connection.execute(
        "UPDATE ap_grants SET times = times - 1 WHERE open_id = ? AND template_id = ?",
        (open_id, template_id),
    )


def _found(words: str, text: str) -> str | None:
    return next((word for word in words.split() if word in text), None)
