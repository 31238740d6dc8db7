"""People of the mini-program: who they are, and the codes and tokens their clients hand over."""

import hashlib
import re
import secrets
import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sandbox.alipay.answers import AlipayError
from sandbox.clock import BEIJING

CODE_LIFE = timedelta(hours=24)
ACCESS_SECONDS = 1_296_000
REFRESH_SECONDS = 2_592_000
REAL_OPEN_ID = re.compile(r"0[0-9A-Za-z_-]{46}", re.ASCII)


def is_known(connection: sqlite3.Connection, open_id: str) -> bool:
    """Was this open_id given a code here, or does it look like a real one?"""
    if REAL_OPEN_ID.fullmatch(open_id):
        return True
    row = connection.execute("SELECT 1 FROM ap_users WHERE open_id = ?", (open_id,)).fetchone()
    return row is not None


def new_code(
    connection: sqlite3.Connection, open_id: str, union_id: str | None, now: datetime
) -> str:
    """What `my.getAuthCode` gives: the person becomes known, the code lives a day."""
    connection.execute(
        "INSERT INTO ap_users VALUES (?, ?) ON CONFLICT (open_id)"
        " DO UPDATE SET union_id = COALESCE(excluded.union_id, union_id)",
        (open_id, union_id),
    )
    code = secrets.token_hex(16)
    connection.execute(
        "INSERT INTO ap_codes VALUES (?, ?, ?, NULL)",
        (code, open_id, (now + CODE_LIFE).isoformat()),
    )
    return code


def exchange(
    connection: sqlite3.Connection, parameters: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    """The answer of `alipay.system.oauth.token`; codes and refresh tokens count once."""
    grant_type = parameters.get("grant_type")
    if grant_type == "authorization_code":
        open_id = _used_code(connection, parameters.get("code", ""), now)
    elif grant_type == "refresh_token":
        open_id = _used_refresh_token(connection, parameters.get("refresh_token", ""), now)
    else:
        raise AlipayError("isv.grant-type-invalid", "grant_type参数不正确")
    row = connection.execute("SELECT * FROM ap_users WHERE open_id = ?", (open_id,)).fetchone()
    refresh_token = f"authb{secrets.token_hex(16)}"
    connection.execute(
        "INSERT INTO ap_refresh_tokens VALUES (?, ?, ?, NULL)",
        (refresh_token, open_id, (now + timedelta(seconds=REFRESH_SECONDS)).isoformat()),
    )
    answer: dict[str, Any] = {
        "access_token": f"authb{secrets.token_hex(16)}",
        "auth_start": f"{now.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}",
        "expires_in": ACCESS_SECONDS,
        "re_expires_in": REFRESH_SECONDS,
        "refresh_token": refresh_token,
        "open_id": open_id,
    }
    if row["union_id"]:
        answer["union_id"] = row["union_id"]
    return answer


def masked_logon(open_id: str) -> str:
    """The account as Alipay shows it to merchants, the same for a person each time."""
    number = int(hashlib.sha256(open_id.encode()).hexdigest(), 16)
    return f"1{30 + number % 70}******{number // 70 % 100:02d}"


def _used_code(connection: sqlite3.Connection, code: str, now: datetime) -> str:
    row = connection.execute("SELECT * FROM ap_codes WHERE code = ?", (code,)).fetchone()
    if row is None or row["used_at"] or datetime.fromisoformat(row["expires_at"]) <= now:
        raise AlipayError("isv.code-invalid", "授权码code无效")
    connection.execute("UPDATE ap_codes SET used_at = ? WHERE code = ?", (now.isoformat(), code))
    open_id: str = row["open_id"]
    return open_id


def _used_refresh_token(connection: sqlite3.Connection, token: str, now: datetime) -> str:
    row = connection.execute("SELECT * FROM ap_refresh_tokens WHERE token = ?", (token,)).fetchone()
    if row is None:
        raise AlipayError("isv.refresh-token-invalid", "刷新令牌refresh_token无效")
    if row["used_at"]:
        raise AlipayError("isv.refreshed-token-invalid", "刷新令牌refresh_token已使用")
    if datetime.fromisoformat(row["expires_at"]) <= now:
        raise AlipayError("isv.refresh-token-time-out", "刷新令牌refresh_token过期")
    connection.execute(
        "UPDATE ap_refresh_tokens SET used_at = ? WHERE token = ?", (now.isoformat(), token)
    )
    open_id: str = row["open_id"]
    return open_id
