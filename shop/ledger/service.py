"""Posting to the money ledger: one transfer at a time, never changed afterwards."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from kit.money import Fen
from shop.ledger.models import AccountKind, Transfer
from shop.ledger.rules import account_id


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a transfer: which account."""

    kind: AccountKind
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why money moves: unique per (kind, id, leg), so that the same fact posts once."""

    kind: str
    id: UUID
    leg: str


def transfer(
    session: Session,
    *,
    debit: Side,
    credit: Side,
    amount_fen: Fen,
    cause: Cause,
    order_id: UUID | None,
    now: datetime,
) -> None:
    """Post `amount_fen` from the credited to the debited account.

    A second posting for the same cause violates a unique constraint and undoes its transaction.
    """
    session.execute(
        insert(Transfer).values(
            debit_account_id=account_id(debit.kind, debit.owner),
            credit_account_id=account_id(credit.kind, credit.owner),
            amount_fen=amount_fen,
            cause_kind=cause.kind,
            cause_id=cause.id,
            leg=cause.leg,
            order_id=order_id,
            at=now,
        )
    )
