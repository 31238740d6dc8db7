"""How many broadcasts a customer group may receive, as the company's administrator has set it."""

import sqlite3
from calendar import monthrange
from datetime import UTC, datetime, timedelta

from sandbox.clock import BEIJING

QUOTAS = ("day", "week", "month")


def is_used_up(connection: sqlite3.Connection, chat_id: str, quota: str, now: datetime) -> bool:
    """Has the group had its broadcasts of the period?"""
    since, most = _period_of(quota, now)
    row = connection.execute(
        "SELECT COUNT(*) AS times FROM wc_messages"
        " WHERE chat_id = ? AND came_by = 'task' AND arrived_at >= ?",
        (chat_id, since.isoformat()),
    ).fetchone()
    return bool(row["times"] >= most)


def _period_of(quota: str, now: datetime) -> tuple[datetime, int]:
    """Since when is counted, and up to how many: 1 a day, 7 a week, a month's days a month."""
    today = now.astimezone(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)
    if quota == "day":
        start, most = today, 1
    elif quota == "week":
        start, most = today - timedelta(days=today.weekday()), 7
    else:
        start, most = today.replace(day=1), monthrange(today.year, today.month)[1]
    return start.astimezone(UTC), most
