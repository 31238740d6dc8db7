"""The robot of an internal group: what its webhook takes, and how often."""

import base64
import binascii
import hashlib
import json
import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sandbox.wecom import fields
from sandbox.wecom.answers import WecomError
from sandbox.wecom.fields import Body
from sandbox.wecom.media import IMAGE_STARTS

A_MINUTE = 20
LARGEST_IMAGE = 2 * 1024 * 1024


TEXT: dict[str, fields.Rule] = {
    "content": fields.text(2048),
    "mentioned_list": fields.texts(1000, 64),
    "mentioned_mobile_list": fields.texts(1000, 20),
}
MARKDOWN: dict[str, fields.Rule] = {"content": fields.text(4096)}
IMAGE: dict[str, fields.Rule] = {"base64": fields.anything, "md5": fields.text(32)}
NEWS: dict[str, fields.Rule] = {"articles": fields.anything}
ARTICLE: dict[str, fields.Rule] = {
    "title": fields.text(128),
    "description": fields.text(512),
    "url": fields.text(2048),
    "picurl": fields.text(2048),
}
MOST_ARTICLES = 8


def checked(body: Body) -> Body:
    """The message, when a robot may post it."""
    kind = body.get("msgtype")
    if not isinstance(kind, str) or kind not in KINDS:
        raise WecomError(40008)
    fields.check(body, {"msgtype": fields.anything, kind: fields.anything}, {kind})
    KINDS[kind](kind, body[kind])
    return body


def post(connection: sqlite3.Connection, group: sqlite3.Row, message: Body, now: datetime) -> None:
    """The message stands in the group."""
    if message["msgtype"] == "image":  # the books keep what was shown, not its bytes
        message = {"msgtype": "image", "image": {"md5": message["image"]["md5"]}}
    connection.execute(
        "INSERT INTO wc_messages (chat_id, came_by, content, arrived_at) VALUES (?, 'robot', ?, ?)",
        (group["chat_id"], json.dumps(message, ensure_ascii=False), now.isoformat()),
    )


def _check_text(kind: str, part: Any) -> None:
    fields.check(part, TEXT, {"content"}, inside=kind)


def _check_markdown(kind: str, part: Any) -> None:
    fields.check(part, MARKDOWN, {"content"}, inside=kind)


def _check_image(kind: str, part: Any) -> None:
    fields.check(part, IMAGE, {"base64", "md5"}, inside=kind)
    try:
        raw = base64.b64decode(part["base64"], validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise WecomError(40058, "image.base64 is invalid") from None
    if len(raw) > LARGEST_IMAGE:
        raise WecomError(40009)
    if not raw.startswith(IMAGE_STARTS):
        raise WecomError(40005)
    if hashlib.md5(raw, usedforsecurity=False).hexdigest() != part["md5"]:
        raise WecomError(301019)


def _check_news(kind: str, part: Any) -> None:
    articles = fields.check(part, NEWS, {"articles"}, inside=kind)["articles"]
    if not isinstance(articles, list):
        raise WecomError(40058, "news.articles is not a list")
    if len(articles) > MOST_ARTICLES:
        raise WecomError(45008)
    for article in articles:
        fields.check(article, ARTICLE, {"title", "url"}, inside="news.articles")


KINDS: dict[str, Callable[[str, Any], None]] = {
    "text": _check_text,
    "markdown": _check_markdown,
    "markdown_v2": _check_markdown,
    "image": _check_image,
    "news": _check_news,
}
