"""Pure rules of referral: codes, windows, which rule wins, what is left after refunds."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from kit.money import Fen, share_of
from shop.orders.models import OrderLine
from shop.referral.models import Commission, CommissionRule

BOUND_FOR: Final = timedelta(days=7)
# Opened again by the same member within this time, an invite is not written down again.
SAME_TOUCH: Final = timedelta(hours=1)
HOLDS_DAYS: Final = 7

# Letters and digits that nobody takes for each other; they fit a mini-program code's scene.
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_CHARACTERS: Final = 10  # 50 random bits


def new_code() -> str:
    """Return a new invite code."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_CHARACTERS))


def read_code(text: str) -> str | None:
    """Return the code as it is stored, or None when the text cannot be one."""
    code = text.upper()
    is_code = text.isascii() and len(code) == CODE_CHARACTERS and set(code) <= set(ALPHABET)
    return code if is_code else None


def pick_rule(rules: Iterable[CommissionRule]) -> CommissionRule | None:
    """Return the most specific of rules that all apply: leader, then campaign, then SKU.

    Of two equally specific rules the newer wins.
    """
    return max(rules, key=_specificity, default=None)


def _specificity(rule: CommissionRule) -> tuple[bool, bool, bool, datetime, str]:
    return (
        rule.leader_id is not None,
        rule.campaign_id is not None,
        rule.sku_id is not None,
        rule.created_at,
        str(rule.id),
    )


def earned(rule: CommissionRule | Commission, *, left_fen: int, units: int) -> Fen:
    """Return what the rule gives for units of a line whose price, less all refunds, is left.

    Always from what is left as a whole, never by taking rounded parts off: so the order and the
    size of refunds make no difference, and no more is earned than was received.
    """
    if rule.basis_points is not None:
        return share_of(Fen(left_fen), basis_points=rule.basis_points)
    return Fen(min((rule.fixed_fen or 0) * units, left_fen))


def earned_now(rule: CommissionRule | Commission, line: OrderLine) -> Fen:
    """Return what the rule gives for what is left of the line at present."""
    return earned(
        rule,
        left_fen=line.total_fen - line.refunded_fen,
        units=line.quantity - line.refunded_quantity,
    )
