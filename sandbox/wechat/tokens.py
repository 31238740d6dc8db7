"""Access tokens: the stable kind and the old kind, each with its own rule of succession."""

import secrets
import sqlite3
from datetime import datetime, timedelta

LIFE_SECONDS = 7200
RENEWED_BEFORE_SECONDS = 300
FORCED_A_DAY = 20
FORCED_APART_SECONDS = 30
OLD_DIES_AFTER_SECONDS = 300


class ForcedTooOften(Exception):
    """`per_day`: the day's twenty are used; else the last was less than 30 seconds ago."""

    def __init__(self, *, per_day: bool) -> None:
        super().__init__("force_refresh too often")
        self.per_day = per_day


def stable(connection: sqlite3.Connection, now: datetime) -> tuple[str, int]:
    """The same token while more than five minutes are left; then a new one, and both are valid."""
    row = connection.execute(
        "SELECT * FROM wx_tokens WHERE kind = 'stable' ORDER BY issued_at DESC LIMIT 1"
    ).fetchone()
    if row is not None:
        left = (datetime.fromisoformat(row["expires_at"]) - now).total_seconds()
        if left > RENEWED_BEFORE_SECONDS:
            return row["token"], int(left)
    return _issue(connection, "stable", now)


def forced(connection: sqlite3.Connection, now: datetime, *, limited: bool) -> tuple[str, int]:
    """A new stable token; every earlier one dies at once."""
    if limited:
        _check_forced(connection, now)
    connection.execute(
        "UPDATE wx_tokens SET expires_at = ? WHERE kind = 'stable' AND expires_at > ?",
        (now.isoformat(), now.isoformat()),
    )
    return _issue(connection, "stable", now, is_forced=True)


def plain(connection: sqlite3.Connection, now: datetime) -> tuple[str, int]:
    """The old call: always a new token, the former one lives five minutes more."""
    dies_at = (now + timedelta(seconds=OLD_DIES_AFTER_SECONDS)).isoformat()
    connection.execute(
        "UPDATE wx_tokens SET expires_at = MIN(expires_at, ?) WHERE kind = 'plain'", (dies_at,)
    )
    return _issue(connection, "plain", now)


def standing(connection: sqlite3.Connection, token: str, now: datetime) -> str:
    """`valid`, `expired` or `unknown`."""
    row = connection.execute(
        "SELECT expires_at FROM wx_tokens WHERE token = ?", (token,)
    ).fetchone()
    if row is None:
        return "unknown"
    return "valid" if datetime.fromisoformat(row["expires_at"]) > now else "expired"


def _issue(
    connection: sqlite3.Connection, kind: str, now: datetime, *, is_forced: bool = False
) -> tuple[str, int]:
    token = f"90_{secrets.token_urlsafe(96)}"
    expires_at = now + timedelta(seconds=LIFE_SECONDS)
    connection.execute(
        "INSERT INTO wx_tokens VALUES (?, ?, ?, ?, ?)",
        (token, kind, now.isoformat(), expires_at.isoformat(), is_forced),
    )
    return token, LIFE_SECONDS


def _check_forced(connection: sqlite3.Connection, now: datetime) -> None:
    row = connection.execute(
        "SELECT COUNT(*) AS times, MAX(issued_at) AS latest FROM wx_tokens"
        " WHERE is_forced AND issued_at > ?",
        ((now - timedelta(days=1)).isoformat(),),
    ).fetchone()
    if row["times"] >= FORCED_A_DAY:
        raise ForcedTooOften(per_day=True)
    if row["latest"] is not None:
        apart = (now - datetime.fromisoformat(row["latest"])).total_seconds()
        if apart < FORCED_APART_SECONDS:
            raise ForcedTooOften(per_day=False)
