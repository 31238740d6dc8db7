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
# Refusals of the person or of the amount, which no patience changes. Whatever else is refused may
# be the house's to repair: no money there, a right or a key that is missing, an address not listed.
OF_THE_PAYEE: Final = "PAYEE_"
FINAL: Final = frozenset(
    {
        "USER_ACCOUNT_ABNORMAL",
        "V2_ACCOUNT_SIMPLE_BAN",
        "NAME_MISMATCH",
        "OPENID_ERROR",
        "AMOUNT_LIMIT",
        "PERM_AML_NOT_REALNAME_REV",
        "NO_ACCOUNT_RECEIVE_PERMISSION",
        "EXCEED_LIMIT_SM_AMOUNT",
        "EXCEED_LIMIT_SM_MIN_AMOUNT",
        "EXCEED_LIMIT_PERSONAL_SM_AMOUNT",
        "EXCEED_LIMIT_UNRN_DM_AMOUNT",
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


def is_final(refusal: str) -> bool:
    """Say whether a platform's code refuses the payee or the amount, not the house."""
    return refusal.startswith(OF_THE_PAYEE) or refusal in FINAL
