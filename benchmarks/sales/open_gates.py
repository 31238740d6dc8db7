"""Gates that let everybody through, filled as if a database had said so; and claims at them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count, cycle, islice
from typing import Final
from uuid import UUID, uuid4

from flash_sale.gate_wire import GateClaim, GateState, GateTarget

PLENTY: Final = 100_000_000
MEMBERS: Final = 20_000
HOURS: Final = timedelta(hours=2)


def plenty(campaign_id: UUID, *, shards: int = 1, now: datetime) -> GateTarget:
    """Return what fills a gate so that nobody is refused."""
    return GateTarget(
        campaign_id=campaign_id,
        read_at=now,
        starts_at=now - HOURS,
        ends_at=now + HOURS,
        state=GateState.OPEN,
        limit_per_member=PLENTY,
        free_units=PLENTY,
        waiting_units=0,
        held_by_member={},
        offers={},
        is_full=True,
        shards=shards,
    )


def claims() -> Iterator[GateClaim]:
    """Return claims of one unit without an end, each under a key of its own."""
    members = cycle([uuid4() for _ in range(MEMBERS)])
    return (GateClaim(member, f"k-{number}", 1) for number, member in zip(count(), members))


def take(source: Iterator[GateClaim], size: int) -> list[GateClaim]:
    """Return the next so many."""
    return list(islice(source, size))
