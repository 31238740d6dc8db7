"""Moments as operators type them: date and time in Shanghai."""

from datetime import UTC, datetime

from kit.clock import SHANGHAI


def read_moment(text: str) -> datetime | None:
    """Return the moment, or None when it is none that a campaign could have."""
    try:
        local = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if not 2020 <= local.year <= 2100:
        return None
    return (local if local.tzinfo else local.replace(tzinfo=SHANGHAI)).astimezone(UTC)
