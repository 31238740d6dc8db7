"""Posting to the money ledger: one transfer at a time, never changed afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.orm import Session

from kit.money import Fen
from shop.ledger.models import Account, AccountKind, Transfer
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


@dataclass(frozen=True, slots=True)
class Posting:
    """One transfer to be posted: from the credited to the debited side, in fen."""

    debit: Side
    credit: Side
    amount_fen: Fen
    cause: Cause
    order_id: UUID | None


def open_account(session: Session, side: Side) -> None:
    """Open an account whose owner appears for the first time; one that is open stays as it is."""
    values = {"id": account_id(side.kind, side.owner), "kind": side.kind, "owner": side.owner}
    session.execute(pg_insert(Account).values(**values).on_conflict_do_nothing())


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
    posting = Posting(debit, credit, amount_fen, cause, order_id)
    session.execute(insert(Transfer).values(_row_of(posting, now=now)))


def transfer_many(session: Session, postings: Sequence[Posting], *, now: datetime) -> None:
    """Post many transfers by one statement; one repeated cause undoes them all."""
    if postings:
        session.execute(insert(Transfer), [_row_of(posting, now=now) for posting in postings])


def _row_of(posting: Posting, *, now: datetime) -> dict[str, object]:
    return {
        "debit_account_id": account_id(posting.debit.kind, posting.debit.owner),
        "credit_account_id": account_id(posting.credit.kind, posting.credit.owner),
        "amount_fen": posting.amount_fen,
        "cause_kind": posting.cause.kind,
        "cause_id": posting.cause.id,
        "leg": posting.cause.leg,
        "order_id": posting.order_id,
        "at": now,
    }
