"""Values as they stand in cells of a file: exact, masked, and never a formula."""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from kit.clock import SHANGHAI
from kit.money import Fen, to_yuan

Cell = str | int | Decimal  # numbers of money are decimals
Row = Sequence[Cell]

FORMULAS: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_BREAKS: Final = ("\t", "\r", "\n")
LONGEST: Final = 2000
_NOT_SHOWN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def text(value: object) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    given = "" if value is None else str(value)[:LONGEST]
    # Some programs skip what they do not show to find a formula.
    shown = _NOT_SHOWN.sub(" ", given)
    is_formula = given.startswith(_BREAKS) or shown.lstrip().startswith(FORMULAS)
    return f"'{shown}" if is_formula else shown


def yuan(fen: Fen | int | None) -> Cell:
    """Return an amount in yuan, exact; nothing for none."""
    return "" if fen is None else Decimal(to_yuan(Fen(fen)))


def moment(at: datetime | None) -> str:
    """Return a moment as it is in Shanghai."""
    return "" if at is None else f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


def masked(row_id: UUID | str | None) -> str:
    """Return what tells members apart, and no more."""
    return "" if not row_id else f"…{str(row_id)[-6:]}"


def network(address: str) -> str:
    """Return an address without its end."""
    head, dot, _end = address.rpartition("." if "." in address else ":")
    return f"{head}{dot}…" if head else ""
