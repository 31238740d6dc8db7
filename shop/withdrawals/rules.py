"""Pure rules of withdrawals: how much, how often, at what fee, and who looks at it first."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from kit.errors import Conflict
from kit.money import Fen, share_of

# A request that hangs about in the network is refused by its own time stamp long before.
UNSURE_FOR: Final = timedelta(hours=1)
REFUSALS_BEFORE_FAILED: Final = 5
LONGEST_SILENCE: Final = timedelta(minutes=5)  # a lost notice is made up for by then
# These refuse us, not the leader: the transfer waits until the house has money there again.
PATIENT: Final = frozenset(
    {
        "NOT_ENOUGH",
        "RULE_LIMIT",
        "TRANSFER_QUOTA_EXCEED",
        "PAYER_BALANCE_NOT_ENOUGH",
        "BALANCE_IS_NOT_ENOUGH",
    }
)


class AmountOutOfRange(Conflict):
    """Less than the least, or more than the most, for one withdrawal."""

    code = "withdrawals.amount_out_of_range"
    title = "The amount is too small or too large for one withdrawal"
    message = "提现金额超出单次限额"


class DayLimitReached(Conflict):
    """More than may be withdrawn on one day."""

    code = "withdrawals.day_limit_reached"
    title = "The limit of this day is reached"
    message = "今日提现额度已用完"


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalTerms:
    """What the house allows; the platforms ask for a real name from 2,000 yuan on."""

    minimum_fen: Fen
    maximum_fen: Fen
    daily_fen: Fen
    fee_basis_points: int
    review_from_fen: Fen  # from here on an operator looks at it first


def check_amount(terms: WithdrawalTerms, fen: Fen, *, today_fen: int) -> None:
    """Raise `AmountOutOfRange`, or `DayLimitReached` beside what was asked for today."""
    if not terms.minimum_fen <= fen <= terms.maximum_fen:
        raise AmountOutOfRange(minimum_fen=terms.minimum_fen, maximum_fen=terms.maximum_fen)
    if today_fen + fen > terms.daily_fen:
        raise DayLimitReached(left_fen=max(0, terms.daily_fen - today_fen))


def fee_of(terms: WithdrawalTerms, fen: Fen) -> Fen:
    """Return what is kept of an amount."""
    return share_of(fen, basis_points=terms.fee_basis_points)
