"""What referral tells."""

from dataclasses import dataclass
from typing import ClassVar

from kit.outbox import Event


@dataclass(frozen=True)
class CommissionEarned(Event):
    """A leader has commission coming on an order that was just paid."""

    name: ClassVar[str] = "referral.commission_earned"

    order_id: str
    member_id: str  # the leader
    amount_fen: int
