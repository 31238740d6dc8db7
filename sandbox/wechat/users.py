"""People of the mini-program: who they are, and the one-use codes their clients hand over."""

import base64
import hashlib
import re
import secrets
import sqlite3
from datetime import datetime, timedelta

from sandbox.wechat.answers import WechatError

CODE_MINUTES = 5
VISITED_WITHIN = timedelta(hours=2)
BAD_OPENID, NOT_VISITED = 40003, 61010
REAL_OPENID = re.compile(r"o[0-9A-Za-z_-]{27}")


def is_known(connection: sqlite3.Connection, openid: str) -> bool:
    """Has this openid ever been given a login code?"""
    row = connection.execute("SELECT 1 FROM wx_users WHERE openid = ?", (openid,)).fetchone()
    return row is not None


def is_somebody(connection: sqlite3.Connection, openid: str) -> bool:
    """Does the openid look real, or was it given a login code here?"""
    return bool(REAL_OPENID.fullmatch(openid)) or is_known(connection, openid)


def visited_at(connection: sqlite3.Connection, openid: str) -> datetime | None:
    """When the person last signed in."""
    row = connection.execute("SELECT at FROM wx_visits WHERE openid = ?", (openid,)).fetchone()
    return datetime.fromisoformat(row["at"]) if row else None


def check_visitor(connection: sqlite3.Connection, openid: object, now: datetime) -> None:
    """Texts and pictures are looked at only of somebody who was here within two hours."""
    if not isinstance(openid, str) or not is_somebody(connection, openid):
        raise WechatError(BAD_OPENID)
    at = visited_at(connection, openid)
    if at is None or now - at > VISITED_WITHIN:
        raise WechatError(NOT_VISITED)


def new_login_code(
    connection: sqlite3.Connection, openid: str, unionid: str | None, now: datetime
) -> str:
    """What `wx.login` gives: the person becomes known, the code lives five minutes."""
    connection.execute(
        "INSERT INTO wx_users (openid, unionid) VALUES (?, ?)"
        " ON CONFLICT (openid) DO UPDATE SET unionid = COALESCE(excluded.unionid, unionid)",
        (openid, unionid),
    )
    return _new_code(connection, "login", openid, None, now)


def new_phone_code(
    connection: sqlite3.Connection, phone: str, openid: str | None, now: datetime
) -> str:
    """What the phone button gives; bound to an openid when one is named."""
    return _new_code(connection, "phone", openid, phone, now)


def use_code(
    connection: sqlite3.Connection, code: str, kind: str, now: datetime
) -> sqlite3.Row | str:
    """The code's row, used up by this call; or why not: `unknown` or `used`."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM wx_codes WHERE code = ? AND kind = ?", (code, kind)
    ).fetchone()
    if row is None or datetime.fromisoformat(row["expires_at"]) <= now:
        return "unknown"
    if row["used_at"] is not None:
        return "used"
    connection.execute("UPDATE wx_codes SET used_at = ? WHERE code = ?", (now.isoformat(), code))
    return row


def session_key_of(code: str) -> str:
    """The session key that a login begins; the client's side of WeChat knows it from then on."""
    return base64.b64encode(hashlib.sha256(f"session/{code}".encode()).digest()[:16]).decode()


def open_session(
    connection: sqlite3.Connection, openid: str, code: str, now: datetime
) -> sqlite3.Row:
    """The session that the person's login code began; they are visiting now."""
    connection.execute("INSERT OR REPLACE INTO wx_visits VALUES (?, ?)", (openid, now.isoformat()))
    session_key = session_key_of(code)
    connection.execute(
        "UPDATE wx_users SET session_key = ? WHERE openid = ?", (session_key, openid)
    )
    row: sqlite3.Row = connection.execute(
        "SELECT * FROM wx_users WHERE openid = ?", (openid,)
    ).fetchone()
    return row


def _new_code(
    connection: sqlite3.Connection,
    kind: str,
    openid: str | None,
    phone: str | None,
    now: datetime,
) -> str:
    code = secrets.token_hex(32 if kind == "phone" else 16)
    expires_at = now + timedelta(minutes=CODE_MINUTES)
    connection.execute(
        "INSERT INTO wx_codes VALUES (?, ?, ?, ?, ?, NULL)",
        (code, kind, openid, phone, expires_at.isoformat()),
    )
    return code
