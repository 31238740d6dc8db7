"""Which account a fact of the shop touches, as pure names and ids."""

from typing import Final
from uuid import UUID, uuid5

from shop.ledger.models import AccountKind

_NAMESPACE: Final = UUID("5e0d5b60-7e9a-5a4e-9c57-2b7f3f0c4b11")

# The accounts every installation has; others are opened when their owner first appears.
HOUSE_ACCOUNTS: Final = (
    (AccountKind.CLEARING, "wechat_pay"),
    (AccountKind.CLEARING, "alipay"),
    (AccountKind.FEES, ""),
    (AccountKind.UNEARNED, ""),
    (AccountKind.REFUNDS_DUE, ""),
    (AccountKind.SALES, ""),
    (AccountKind.COMMISSIONS, ""),
    (AccountKind.COMMISSION_PAYOUTS, ""),
    (AccountKind.WITHDRAWAL_FEES, ""),
)
_DEBIT_KINDS: Final = frozenset(
    {
        AccountKind.CLEARING,
        AccountKind.FEES,
        AccountKind.COMMISSIONS,
        AccountKind.COMMISSION_DEBT,
    }
)


def account_id(kind: AccountKind, owner: str = "") -> UUID:
    """Return the id of an account, which follows from its name, so that no look-up is needed."""
    return uuid5(_NAMESPACE, f"{kind.value}:{owner}")


def is_debit_kind(kind: AccountKind) -> bool:
    """Say whether debits raise accounts of this kind; credits raise the others."""
    return kind in _DEBIT_KINDS
