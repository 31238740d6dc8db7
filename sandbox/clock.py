"""The sandbox's clock: real time for signatures, shiftable time for business rules."""

from datetime import UTC, datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8))


class Clock:
    """Two readings of one clock.

    `now()` is the time that expiry, bills and codes follow and that `POST /sandbox/clock` shifts.
    `real_now()` is the wall clock; signatures are fresh or stale by it, because the product's own
    clock is not shifted.
    """

    def __init__(self) -> None:
        self.offset_seconds = 0.0

    def now(self) -> datetime:
        """Aware UTC, shifted."""
        return self.real_now() + timedelta(seconds=self.offset_seconds)

    def real_now(self) -> datetime:
        """Aware UTC, as the machine says."""
        return datetime.now(UTC)


def beijing_text(at: datetime) -> str:
    """RFC 3339 with seconds and +08:00, as the platforms print times."""
    return at.astimezone(BEIJING).replace(microsecond=0).isoformat()
