"""Identifiers: UUIDv7 for rows, short numbers that every platform accepts for orders."""

import secrets
from datetime import datetime
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from kit.clock import SHANGHAI

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_RANDOM_CHARACTERS: Final = 14  # 34**14 is about 71 bits
_RANDOM_NUMBERS: Final = len(_ALPHABET) ** _RANDOM_CHARACTERS


def new_id() -> UUID:
    """Return a new UUIDv7: ordered by time, 74 random bits."""
    return uuid7()


def new_number(prefix: str, *, now: datetime) -> str:
    """Return `prefix` + date + random text, `[0-9A-Z]` only, 24 characters for a prefix of two.

    Platforms take 6 to 32 characters; WeChat's transfer takes letters and digits alone, so no dash.
    """
    day = now.astimezone(SHANGHAI).strftime("%Y%m%d")
    number, text = secrets.randbelow(_RANDOM_NUMBERS), ""  # asked once, not for each character
    for _ in range(_RANDOM_CHARACTERS):
        number, digit = divmod(number, len(_ALPHABET))
        text += _ALPHABET[digit]
    return f"{prefix}{day}{text}"
