"""What the card vault tells."""

from dataclasses import dataclass
from typing import ClassVar

from kit.outbox import Event


@dataclass(frozen=True)
class CardRevealed(Event):
    """A member saw a code for the first time."""

    name: ClassVar[str] = "cards.revealed"

    card_id: str
    order_line_id: str
    member_id: str
