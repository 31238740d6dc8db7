"""Yuan as Alipay writes them, and the fen that the books keep."""

import re

YUAN = re.compile(r"(0|[1-9][0-9]{0,8})(?:\.([0-9]{1,2}))?", re.ASCII)
FEE_BASIS_POINTS = 60


def fen(text: str) -> int | None:
    """The fen of a text like `10`, `10.5` or `10.50`; None for every other one."""
    match = YUAN.fullmatch(text)
    if match is None:
        return None
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))


def yuan(amount_fen: int) -> str:
    """Two decimals, a minus in front where it is due."""
    sign = "-" if amount_fen < 0 else ""
    return f"{sign}{abs(amount_fen) // 100}.{abs(amount_fen) % 100:02d}"


def fee_fen(amount_fen: int) -> int:
    """0.60 % of the amount, half a fen rounds up."""
    return (amount_fen * FEE_BASIS_POINTS + 5000) // 10000
