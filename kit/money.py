"""Money as whole fen: dividing, percentages and the yuan text that platforms use."""

import re
from collections.abc import Sequence
from typing import Final, NewType

Fen = NewType("Fen", int)

BASIS: Final = 10_000
MOST_FEN: Final = 10_000_000_000  # CNY 100 million, the largest amount a platform takes
_YUAN: Final = re.compile(r"(?P<sign>-?)(?P<yuan>\d{1,10})(?:\.(?P<cents>\d{1,2}))?", re.ASCII)


def split(amount: Fen, *, weights: Sequence[int]) -> list[Fen]:
    """Divide `amount` in proportion to `weights` by largest remainder; the parts sum to the whole.

    Equal remainders go to the earlier part. Raises `ValueError` for a negative amount or weight,
    or when no weight is positive.
    """
    total = sum(weights)
    if amount < 0 or total <= 0 or any(weight < 0 for weight in weights):
        raise ValueError("split takes an amount >= 0 and weights >= 0 with a positive sum")
    parts = [amount * weight // total for weight in weights]
    by_remainder = sorted(
        range(len(weights)), key=lambda index: (-(amount * weights[index] % total), index)
    )
    for index in by_remainder[: amount - sum(parts)]:
        parts[index] += 1
    return [Fen(part) for part in parts]


def share_of(amount: Fen, *, basis_points: int) -> Fen:
    """Return the share of `amount`, in fen rounded down; 10,000 basis points are the whole."""
    if amount < 0 or not 0 <= basis_points <= BASIS:
        raise ValueError("share_of takes an amount >= 0 and 0 to 10,000 basis points")
    return Fen(amount * basis_points // BASIS)


def to_yuan(amount: Fen) -> str:
    """Write fen as yuan with two decimals, the form Alipay and bills use: 1050 → "10.50"."""
    sign = "-" if amount < 0 else ""
    yuan, cents = divmod(abs(amount), 100)
    return f"{sign}{yuan}.{cents:02d}"


def from_yuan(text: str) -> Fen:
    """Read yuan text with at most two decimals as fen; raises `ValueError` on any other form."""
    match = _YUAN.fullmatch(text.strip())
    if match is None:
        raise ValueError("not an amount in yuan with at most two decimals")
    cents = (match["cents"] or "").ljust(2, "0")
    fen = int(match["yuan"]) * 100 + int(cents)
    return Fen(-fen if match["sign"] else fen)
