"""Balances and proofs of the money ledger, always summed from the transfers themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, case, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from kit.money import Fen
from shop.ledger.models import Account, AccountKind, Transfer


@dataclass(frozen=True, slots=True)
class Balance:
    """An account and its debits minus its credits, in fen."""

    kind: AccountKind
    owner: str
    debits_less_credits_fen: int


def list_balances(session: Session) -> list[Balance]:
    """Return every account's balance; over all accounts they sum to zero."""
    entries = union_all(
        select(Transfer.debit_account_id.label("account_id"), Transfer.amount_fen.label("fen")),
        select(Transfer.credit_account_id, -Transfer.amount_fen),
    ).subquery()
    rows = session.execute(
        select(Account.kind, Account.owner, func.coalesce(func.sum(entries.c.fen), 0))
        .outerjoin(entries, entries.c.account_id == Account.id)
        .group_by(Account.id)
        .order_by(Account.kind, Account.owner)
    )
    return [Balance(kind, owner, int(fen)) for kind, owner, fen in rows]


def find_amounts(
    session: Session, *, cause_kind: str, leg: str, cause_ids: Sequence[UUID], account_id: UUID
) -> Mapping[UUID, Fen]:
    """Return cause id → amount posted for it under `leg`, on either side of the account."""
    # One array, however long: a statement takes no more than 65,535 parameters.
    wanted = any_(literal(list(cause_ids), ARRAY(Uuid())))
    rows = session.execute(
        select(Transfer.cause_id, Transfer.amount_fen).where(
            Transfer.cause_kind == cause_kind,
            Transfer.leg == leg,
            Transfer.cause_id == wanted,
            or_(Transfer.debit_account_id == account_id, Transfer.credit_account_id == account_id),
        )
    )
    return {cause_id: Fen(amount) for cause_id, amount in rows}


def list_posted(
    session: Session, *, cause_kind: str, cause_id: UUID, account_id: UUID
) -> Sequence[int]:
    """Return what was posted for a cause to the account, debits positive and credits negative."""
    signed = case(
        (Transfer.debit_account_id == account_id, Transfer.amount_fen), else_=-Transfer.amount_fen
    )
    return session.scalars(
        select(signed).where(
            Transfer.cause_kind == cause_kind,
            Transfer.cause_id == cause_id,
            or_(Transfer.debit_account_id == account_id, Transfer.credit_account_id == account_id),
        )
    ).all()
