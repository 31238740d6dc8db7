"""What referral tells."""

from dataclasses import dataclass
from typing import ClassVar

from kit.outbox import Event


@dataclass(frozen=True)
class CommissionEarned(Event):
    """A leader has commission coming on orders that were paid since they were last told."""

    name: ClassVar[str] = "referral.commission_earned"

    member_id: str  # the leader
    amount_fen: int
    until: str  # ISO 8601
