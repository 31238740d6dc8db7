"""Proofs that the books are whole: nothing may be made up, lost, or given back twice."""

from typing import Final

from sqlalchemy import func, select, text, union_all
from sqlalchemy.orm import Session

from shop.ledger.models import Account, AccountKind, Transfer
from shop.ledger.queries import list_balances

# Credits come first in these: neither all of an account nor one order's share may be overdrawn.
NEVER_OVERDRAWN: Final = (
    AccountKind.UNEARNED,
    AccountKind.REFUNDS_DUE,
    AccountKind.SALES,
    AccountKind.COMMISSION_PENDING,
    AccountKind.COMMISSION_PAYABLE,
    AccountKind.COMMISSION_WITHDRAWING,
    AccountKind.COMMISSION_PAYOUTS,
    AccountKind.WITHDRAWAL_FEES,
)
_GUARDS: Final = ("facts_stay", "facts_stay_all")


def prove(session: Session) -> list[str]:
    """Return what does not hold, one line each; an empty list is a proof."""
    return [
        *_prove_sum(session),
        *_prove_nothing_overdrawn(session),
        *_prove_by_order(session),
        *_prove_guarded(session),
    ]


def _prove_sum(session: Session) -> list[str]:
    total = sum(balance.debits_less_credits_fen for balance in list_balances(session))
    return [f"debits and credits differ by {total} fen"] if total else []


def _prove_nothing_overdrawn(session: Session) -> list[str]:
    return [
        f"{balance.kind.value} is overdrawn by {balance.debits_less_credits_fen} fen"
        for balance in list_balances(session)
        if balance.kind in NEVER_OVERDRAWN and balance.debits_less_credits_fen > 0
    ]


def _prove_by_order(session: Session) -> list[str]:
    """Sum the same transfers another way: per order, where one order's excess hides no other's."""
    entries = union_all(
        select(
            Transfer.order_id,
            Transfer.debit_account_id.label("account_id"),
            Transfer.amount_fen.label("fen"),
        ),
        select(Transfer.order_id, Transfer.credit_account_id, -Transfer.amount_fen),
    ).subquery()
    balance = func.sum(entries.c.fen)
    rows = session.execute(
        select(entries.c.order_id, Account.kind, balance)
        .join(Account, Account.id == entries.c.account_id)
        .where(entries.c.order_id.is_not(None), Account.kind.in_(NEVER_OVERDRAWN))
        .group_by(entries.c.order_id, Account.kind)
        .having(balance > 0)
        .limit(100)
    )
    return [f"order {order} overdraws {kind.value} by {fen} fen" for order, kind, fen in rows]


def _prove_guarded(session: Session) -> list[str]:
    """The triggers that keep transfers as they are must be there and switched on."""
    enabled = session.scalars(
        text(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'transfers'::regclass"
            " AND NOT tgisinternal AND tgenabled <> 'D'"
        )
    ).all()
    return [f"trigger {name} of transfers is off" for name in _GUARDS if name not in enabled]
