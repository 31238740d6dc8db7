"""The check of texts, `msg_sec_check` version 2: words that are listed here decide."""

import secrets
import sqlite3
from datetime import datetime
from typing import Any

from sandbox.wechat import users
from sandbox.wechat.answers import WechatError

TEXTS = ("content", "title", "nickname", "signature")
BODY = {"version", "openid", "scene", *TEXTS}
LONGEST = 2500
BAD_ARGUMENT, TOO_LONG = 40097, 45002
NORMAL, ADVERTISING, UNLAWFUL = 100, 10001, 20006


def found(words: str, text: str) -> str | None:
    """The first of the words, which spaces part, that stands in the text."""
    return next((word for word in words.split() if word in text), None)


def check(
    connection: sqlite3.Connection,
    body: dict[str, Any],
    *,
    risky: str,
    review: str,
    now: datetime,
) -> dict[str, Any]:
    """The platform's verdict on a text of somebody who was here within two hours."""
    _check_body(body)
    users.check_visitor(connection, body.get("openid"), now)
    texts = [body.get(name, "") for name in TEXTS]
    suggest, label, word = _verdict("\n".join(texts), risky, review)
    detail: dict[str, Any] = {
        "strategy": "keyword",
        "errcode": 0,
        "suggest": suggest,
        "label": label,
    }
    if word:
        detail |= {"keyword": word, "level": 90}
    return {
        "errcode": 0,
        "errmsg": "ok",
        "result": {"suggest": suggest, "label": label},
        "detail": [detail],
        "trace_id": secrets.token_hex(16),
    }


def _check_body(body: dict[str, Any]) -> None:
    for name in body:
        if name not in BODY:
            raise WechatError(BAD_ARGUMENT, f"invalid args, {name} is unknown")
    for name, values in (("version", {2}), ("scene", {1, 2, 3, 4})):
        if type(body.get(name)) is not int or body[name] not in values:
            raise WechatError(BAD_ARGUMENT, f"invalid args, {name}")
    for name in TEXTS:
        text = body.get(name, "")
        if not isinstance(text, str) or not (text or name != "content"):
            raise WechatError(BAD_ARGUMENT, f"invalid args, {name}")
        if len(text) > LONGEST:
            raise WechatError(TOO_LONG)


def _verdict(text: str, risky: str, review: str) -> tuple[str, int, str | None]:
    if word := found(risky, text):
        return "risky", UNLAWFUL, word
    if word := found(review, text):
        return "review", ADVERTISING, word
    return "pass", NORMAL, None
