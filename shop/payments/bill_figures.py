"""Figures of bills: yuan texts of two to five decimals, read exactly as whole numbers."""

import re
from typing import Final

from kit.money import Fen
from shop.payments.reading import Unreadable

POINTS_PER_FEN: Final = 1000
_FIGURE: Final = re.compile(r"(?P<sign>[-+]?)(?P<yuan>[0-9]{1,12})(?:\.(?P<part>[0-9]{1,5}))?")


def points(text: str) -> int:
    """Return yuan text as points of CNY 0.00001, the finest that bills write."""
    match = _FIGURE.fullmatch(text.strip())
    if match is None:
        raise Unreadable("figure")
    whole = int(match["yuan"]) * 100_000 + int((match["part"] or "").ljust(5, "0"))
    return -whole if match["sign"] == "-" else whole


def fen_from(text: str) -> Fen:
    """Return yuan text as fen; raises `Unreadable` for a fraction of a fen."""
    fen, rest = divmod(points(text), POINTS_PER_FEN)
    if rest:
        raise Unreadable("fraction of a fen")
    return Fen(fen)


def fee_fen(text: str) -> Fen:
    """Return a fee as fen; half a fen and more rounds away from zero, as platforms charge it."""
    whole = points(text)
    size = (abs(whole) + POINTS_PER_FEN // 2) // POINTS_PER_FEN
    return Fen(size if whole >= 0 else -size)
