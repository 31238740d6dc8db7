"""What a flash sale of tonight came to, as its members and its operator saw it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from demo.chronicle import Deal

GRANTED: Final = 201


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request of a claim, and how it was answered; `status` 0 when it was not."""

    member: int
    key: str
    quantity: int
    sent_at: datetime
    heard_at: datetime
    status: int
    code: str = ""  # of a refusal
    order_id: str = ""
    claimed_at: datetime | None = None
    is_offer: bool = False  # for a unit that the waitlist offered

    @property
    def is_granted(self) -> bool:
        """Say whether the units became the member's."""
        return self.status == GRANTED

    def claimed_before(self, at: datetime) -> bool:
        """Say whether the claim was true by then, whenever its member heard of it."""
        return self.claimed_at is not None and self.claimed_at < at


@dataclass(frozen=True, slots=True)
class Loss:
    """Redis was lost: how, from when, and when it answered again."""

    how: str  # "crash", or the command that emptied it
    at: datetime
    back_at: datetime


@dataclass(slots=True)
class SaleRecord:
    """Everything about the sale that was seen from outside."""

    deal: Deal
    limit: int
    starts_at: datetime
    members: int = 0  # who were let in
    attempts: list[Attempt] = field(default_factory=list)
    losses: Sequence[Loss] = ()
    looks: list[Mapping[str, Any]] = field(default_factory=list)  # the operator's live numbers
    counts: Counter[str] = field(default_factory=Counter)
    still_waiting: int = 0  # when all was sold, by what the members know
    last_look: Mapping[str, Any] = field(default_factory=dict)  # after that
    orders_of_refused: Mapping[int, int] = field(default_factory=dict)  # by member

    @property
    def campaign_id(self) -> str:
        """Return the campaign's id."""
        return self.deal.campaign_id

    @property
    def stock(self) -> int:
        """Return how many units were set aside for it."""
        return self.deal.made

    def granted(self) -> dict[str, Attempt]:
        """Return the first answer with each order, by the order's id."""
        found: dict[str, Attempt] = {}
        for one in self.attempts:
            if one.is_granted:
                found.setdefault(one.order_id, one)
        return found

    def units_granted(self) -> int:
        """Count the units of all orders that were ever granted."""
        return sum(one.quantity for one in self.granted().values())

    def repeats(self) -> dict[tuple[int, str], list[Attempt]]:
        """Return the claims that were granted more than once under one key."""
        by_key: dict[tuple[int, str], list[Attempt]] = {}
        for one in self.attempts:
            if one.is_granted:
                by_key.setdefault((one.member, one.key), []).append(one)
        return {key: answers for key, answers in by_key.items() if len(answers) > 1}

    def seconds_until_sold_out(self) -> float | None:
        """Return how long after the opening the last unit of the rush was claimed."""
        left = self.stock
        rush = [one for one in self.granted().values() if not one.is_offer and one.claimed_at]
        for one in sorted(rush, key=lambda one: one.claimed_at or one.sent_at):
            left -= one.quantity
            if left <= 0 and one.claimed_at:
                return (one.claimed_at - self.starts_at).total_seconds()
        return None
