"""Tickets: given to whoever has moved the slider, good once and for five minutes."""

import secrets
import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sandbox.tencent_captcha.signature import TencentError

SCHEMA = """
CREATE TABLE IF NOT EXISTS tc_tickets (
    ticket TEXT PRIMARY KEY, randstr TEXT NOT NULL, made_at TEXT NOT NULL, uses INTEGER NOT NULL
);
"""
LIFE = timedelta(minutes=5)
CAPTCHA_TYPE = 9
REQUIRED: dict[str, type] = {
    "CaptchaType": int,
    "Ticket": str,
    "UserIp": str,
    "Randstr": str,
    "CaptchaAppId": int,
    "AppSecretKey": str,
}
OPTIONAL: dict[str, type] = {"BusinessId": int, "SceneId": int, "NeedGetCaptchaTime": int}
MESSAGES = {
    1: "OK",
    7: "captcha no match",
    8: "ticket expired",
    9: "ticket reused",
    15: "decrypt fail",
    16: "appid ticket mismatch",
    100: "param err",
}


def give(connection: sqlite3.Connection, now: datetime) -> dict[str, str]:
    """Make a ticket, as the page does when the slider was moved to its place."""
    ticket, randstr = f"tr03{secrets.token_urlsafe(60)}*", f"@{secrets.token_hex(2)[:3]}"
    connection.execute(
        "INSERT INTO tc_tickets VALUES (?, ?, ?, 0)", (ticket, randstr, now.isoformat())
    )
    return {"ticket": ticket, "randstr": randstr}


def read(body: Any) -> dict[str, Any]:
    """Check a question's fields; TencentError names the first that is wrong."""
    if not isinstance(body, dict):
        raise TencentError("InvalidParameter", "the body is no object")
    for name, kind in (REQUIRED | OPTIONAL).items():
        if name not in body:
            if name in REQUIRED:
                raise TencentError("MissingParameter", name)
        elif type(body[name]) is not kind:
            raise TencentError("InvalidParameter", name)
    unknown = sorted(set(body) - set(REQUIRED) - set(OPTIONAL))
    if unknown:
        raise TencentError("UnknownParameter", unknown[0])
    if body["CaptchaType"] != CAPTCHA_TYPE:
        raise TencentError("InvalidParameterValue", "CaptchaType")
    return body


def judge(
    connection: sqlite3.Connection, asked: dict[str, Any], ours: Mapping[str, str], now: datetime
) -> int:
    """The CaptchaCode of a ticket; asking uses it up."""
    if str(asked["CaptchaAppId"]) != ours["app_id"]:
        return 16
    if asked["AppSecretKey"] != ours["app_secret_key"]:
        return 100
    row = connection.execute(
        "SELECT * FROM tc_tickets WHERE ticket = ?", (asked["Ticket"],)
    ).fetchone()
    if row is None:
        return 15
    connection.execute("UPDATE tc_tickets SET uses = uses + 1 WHERE ticket = ?", (row["ticket"],))
    if row["randstr"] != asked["Randstr"]:
        return 7
    if now - datetime.fromisoformat(row["made_at"]) >= LIFE:
        return 8
    return 9 if row["uses"] else 1
