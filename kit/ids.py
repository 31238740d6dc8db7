"""Identifiers: UUIDv7 for rows, short numbers that every platform accepts for orders."""

import secrets
from datetime import datetime
from functools import lru_cache
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from kit.clock import SHANGHAI

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_PAIRS: Final = [one + other for one in _ALPHABET for other in _ALPHABET]
_RANDOM_PAIRS: Final = 7  # 34**14 is about 71 bits
_RANDOM_NUMBERS: Final = len(_PAIRS) ** _RANDOM_PAIRS


def new_id() -> UUID:
    """Return a new UUIDv7: ordered by time, 74 random bits."""
    return uuid7()


def new_number(prefix: str, *, now: datetime) -> str:
    """Return `prefix` + date + random text, `[0-9A-Z]` only, 24 characters for a prefix of two.

    Platforms take 6 to 32 characters; WeChat's transfer takes letters and digits alone, so no dash.
    """
    number, text = secrets.randbelow(_RANDOM_NUMBERS), ""  # asked once, not for each character
    for _ in range(_RANDOM_PAIRS):
        number, pair = divmod(number, len(_PAIRS))
        text += _PAIRS[pair]
    return f"{prefix}{_day(now)}{text}"


@lru_cache(maxsize=16)
def _day(now: datetime) -> str:
    """Return the day in Shanghai; all of a batch have one moment."""
    return now.astimezone(SHANGHAI).strftime("%Y%m%d")
