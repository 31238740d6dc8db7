"""How much a request for a purchase token looks like a program's, from 0 to 100."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

_YOUNG: Final = timedelta(days=1)
_VERY_YOUNG: Final = timedelta(hours=1)
_MANY_SIGN_INS: Final = 4


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of who asks: no personal data, no content."""

    member_since: datetime
    sign_ins: int  # of the member that are good at present
    is_network_busy: bool  # more tokens than people in a house would ask for


def risk_of(signs: Signs, *, now: datetime) -> int:
    """Return the score; each sign alone is innocent, several together are asked to prove it."""
    age = now - signs.member_since
    score = 35 if age < _VERY_YOUNG else 15 if age < _YOUNG else 0
    if signs.sign_ins > _MANY_SIGN_INS:
        score += 25
    if signs.is_network_busy:
        score += 40
    return score
