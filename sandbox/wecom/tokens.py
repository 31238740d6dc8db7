"""WeCom's access token: the same one for every call while it lives."""

import secrets
import sqlite3
from datetime import datetime, timedelta

LIFE_SECONDS = 7200


def current(connection: sqlite3.Connection, now: datetime) -> tuple[str, int]:
    """The token in force and its seconds left; a new one when the former has ended."""
    row = connection.execute("SELECT * FROM wc_tokens ORDER BY expires_at DESC LIMIT 1").fetchone()
    if row is not None:
        left = int((datetime.fromisoformat(row["expires_at"]) - now).total_seconds())
        if left > 0:
            return row["token"], left
    token = secrets.token_urlsafe(120)
    expires_at = now + timedelta(seconds=LIFE_SECONDS)
    connection.execute("INSERT INTO wc_tokens VALUES (?, ?)", (token, expires_at.isoformat()))
    return token, LIFE_SECONDS


def standing(connection: sqlite3.Connection, token: str, now: datetime) -> str:
    """`valid`, `expired` or `unknown`."""
    row = connection.execute(
        "SELECT expires_at FROM wc_tokens WHERE token = ?", (token,)
    ).fetchone()
    if row is None:
        return "unknown"
    return "valid" if datetime.fromisoformat(row["expires_at"]) > now else "expired"
