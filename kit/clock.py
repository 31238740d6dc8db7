"""The only caller of the clock: aware UTC now, and the business day in Shanghai."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")


def utc_now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def monotonic_seconds() -> float:
    """Return seconds that never run backwards, for measuring how long something took."""
    return time.monotonic()


def business_date(at: datetime) -> date:
    """Return the day in Asia/Shanghai on which `at` falls; bills and periods go by it."""
    return at.astimezone(SHANGHAI).date()


def business_day_bounds(day: date) -> tuple[datetime, datetime]:
    """Return the half-open window in UTC that the business day `day` covers."""
    start = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
    return start.astimezone(UTC), (start + timedelta(days=1)).astimezone(UTC)
