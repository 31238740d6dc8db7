"""What a verdict of the gate means to whoever claims, and when the gate must be passed by."""

import threading
from typing import Final
from uuid import UUID

from flash_sale.batch import Wanted
from flash_sale.gate_wire import GateClaim, Verdict
from flash_sale.queries import Sale
from flash_sale.rules import SoldOut
from kit.clock import monotonic_seconds
from kit.errors import DomainError, Unavailable
from shop.campaigns.rules import CampaignLimitReached, Ended, NotStarted, Paused

# Claims a second that one process takes to the database while no gate sheds the rest.
MOST_WITHOUT_GATE: Final = 30
MOST_REMEMBERED: Final = 10_000
# After a failure nobody asks Redis for this long, so that an outage costs one timeout, not all.
SILENCE_SECONDS: Final = 1.0
# Longer than the fill takes that tells a gate, which was away, of the claims that went past it.
DOUBT_SECONDS: Final = 5.0
# Whoever is told one of these may have claimed before, under the same key: they are looked up.
MAY_BE_REPEATED: Final = frozenset(
    {Verdict.SOLD_OUT, Verdict.TOO_FEW, Verdict.LIMIT, Verdict.ENDED, Verdict.PAUSED}
)


def gate_claim(wanted: Wanted) -> GateClaim:
    """Return the claim as the gate is asked."""
    return GateClaim(wanted.member_id, wanted.key, wanted.quantity, wanted.is_early)


def refusal_of(verdict: Verdict, sale: Sale) -> DomainError:
    """Return why the gate does not let somebody through."""
    if verdict is Verdict.LIMIT:
        return CampaignLimitReached(limit=sale.terms.limit_per_member)
    if verdict is Verdict.NOT_STARTED:
        return NotStarted(starts_at=sale.campaign.starts_at.isoformat())
    if verdict is Verdict.ENDED:
        return Ended()
    if verdict is Verdict.PAUSED:
        return Paused(reason=sale.campaign.pause_reason)
    return SoldOut()


class PassedBy:
    """Members whose claims went past the gate, which may not know yet that they hold units.

    The fills of the next seconds tell it; until then a repeated claim is known again by this.
    """

    def __init__(self) -> None:
        """Know nobody yet."""
        self._members: set[UUID] = set()

    def add(self, member_id: UUID) -> None:
        """Remember a member."""
        if len(self._members) >= MOST_REMEMBERED:
            self._members.clear()
        self._members.add(member_id)

    def __contains__(self, member_id: UUID) -> bool:
        """Say whether the member is remembered."""
        return bool(self._members) and member_id in self._members


class Silence:
    """For a moment after the gate did not answer it is not asked again, and then in doubt."""

    def __init__(self) -> None:
        """Begin with asking."""
        self._until = self._doubted_until = 0.0

    def begin(self) -> None:
        """Ask nobody from now on."""
        self._until = monotonic_seconds() + SILENCE_SECONDS
        self._doubted_until = monotonic_seconds() + DOUBT_SECONDS

    @property
    def leaves_doubt(self) -> bool:
        """Say whether claims may have gone past the gate of which it has not been told yet."""
        return monotonic_seconds() < self._doubted_until

    @property
    def is_on(self) -> bool:
        """Say whether nobody is to be asked."""
        return monotonic_seconds() < self._until


class Throttle:
    """So many a second, no more; the others are told to come back."""

    def __init__(self, most: int = MOST_WITHOUT_GATE) -> None:
        """Start with nothing counted."""
        self._most = most
        self._turn = threading.Lock()
        self._second = -1
        self._count = 0

    def pass_one(self) -> None:
        """Count one; raises `Unavailable` when this second is full."""
        with self._turn:
            second = int(monotonic_seconds())
            if second != self._second:
                self._second, self._count = second, 0
            if self._count >= self._most:
                raise Unavailable(retry_after_seconds=1)
            self._count += 1
