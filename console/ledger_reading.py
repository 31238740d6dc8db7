"""What the pages of the ledger read: balances, entries page by page, what an entry is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select, union_all
from sqlalchemy.orm import Session

from console.showing import masked
from console.words import label
from kit.errors import NotFound
from kit.pages import BadCursor
from shop.ledger.models import Account, AccountKind, Transfer
from shop.ledger.proofs import NEVER_OVERDRAWN
from shop.ledger.rules import HOUSE_ACCOUNTS, account_id, is_debit_kind
from shop.payments.gateway import Channel
from shop.reports import queries as reports
from shop.reports.models import AccountDay
from shop.reports.queries import Moved

LEADER_KINDS: Final = tuple(
    kind for kind in AccountKind if kind not in {house for house, _owner in HOUSE_ACCOUNTS}
)
MOST_SEQ: Final = 2**63 - 1
MOST_OF_ORDER: Final = 200


class AccountNotFound(NotFound):
    """There is no such account, transfer or day."""

    code = "account_not_found"
    title = "There is no such account or entry"
    message = "没有找到该账户或分录"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the chart of accounts: an account of the house, or all of one kind."""

    kind: AccountKind
    name: str
    account_id: UUID | None
    moved: Moved

    @property
    def balance_fen(self) -> int:
        """Return the balance on the side that raises it."""
        return signed(self.kind, self.moved.debits_fen - self.moved.credits_fen)

    @property
    def is_overdrawn(self) -> bool:
        """Say whether more went out than may."""
        return self.kind in NEVER_OVERDRAWN and self.balance_fen < 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A transfer as one account sees it."""

    transfer: Transfer
    other: Account
    debit_fen: int | None
    credit_fen: int | None


@dataclass(frozen=True, slots=True)
class DayLine:
    """A day of an account, with the balance at its end."""

    day: AccountDay
    balance_fen: int


def signed(kind: AccountKind, debits_less_credits_fen: int) -> int:
    """Return a balance on the side that raises accounts of this kind."""
    return debits_less_credits_fen if is_debit_kind(kind) else -debits_less_credits_fen


def name_of(account: Account) -> str:
    """Return what people call an account; a leader is masked."""
    if not account.owner:
        return label("account", account.kind)
    is_channel = account.owner in set(Channel)
    owner = label("channel", account.owner) if is_channel else masked(account.owner)
    return f"{label('account', account.kind)} · {owner}"


def chart(session: Session) -> list[Line]:
    """Return every account of the house, and each kind that leaders have as one line."""
    ids = {account_id(kind, owner): (kind, owner) for kind, owner in HOUSE_ACCOUNTS}
    moved = reports.sum_accounts(session, ids)
    accounts = {one.id: one for one in session.scalars(select(Account).where(Account.id.in_(ids)))}
    nothing = Moved(0, 0, 0)
    lines = [
        Line(kind, name_of(accounts[row_id]), row_id, moved.get(row_id, nothing))
        for row_id, (kind, _owner) in ids.items()
        if row_id in accounts
    ]
    by_kind = reports.sum_by_kind(session, LEADER_KINDS)
    return lines + [
        Line(kind, label("account", kind), None, by_kind[kind])
        for kind in LEADER_KINDS
        if kind in by_kind
    ]


def get_account(session: Session, row_id: UUID) -> Account:
    """Return the account; raises `AccountNotFound`."""
    account = session.get(Account, row_id)
    if account is None:
        raise AccountNotFound
    return account


def list_accounts(
    session: Session, kind: AccountKind, *, before: str | None, most: int
) -> tuple[list[Line], str | None]:
    """Return a page of the leaders' accounts of a kind, those of the newest members first."""
    query = select(Account).where(Account.kind == kind)
    if before:
        query = query.where(Account.owner < before)
    found = session.scalars(query.order_by(Account.owner.desc()).limit(most + 1)).all()
    shown = found[:most]
    moved = reports.sum_accounts(session, [one.id for one in shown]) if shown else {}
    nothing = Moved(0, 0, 0)
    lines = [Line(kind, name_of(one), one.id, moved.get(one.id, nothing)) for one in shown]
    return lines, shown[-1].owner if len(found) > most else None


def list_days(
    session: Session, account: Account, *, before: date | None, most: int
) -> list[DayLine]:
    """Return the days on which the account moved, newest first, each with its last balance."""
    days = reports.list_account_days(session, account.id, before=before, most=most)
    if not days:
        return []
    balance = reports.balance_before(session, account.id, days[0].day + timedelta(days=1))
    lines = []
    for day in days:
        lines.append(DayLine(day, signed(account.kind, balance)))
        balance -= day.debits_fen - day.credits_fen
    return lines


def list_entries(
    session: Session, account: Account, *, cursor: str | None, day: date | None, most: int
) -> tuple[list[Entry], str | None]:
    """Return a page of the account's entries, newest first, of one day if asked."""
    within: list[ColumnElement[bool]] = []
    if cursor:
        within.append(Transfer.seq < read_seq(cursor))
    if day is not None:
        found = reports.find_account_day(session, account.id, day)
        if found is None:
            return [], None
        within += [Transfer.seq >= found.first_seq, Transfer.seq <= found.last_seq]
    moved = session.scalars(
        select(Transfer)
        .where(Transfer.seq.in_(_numbers(account.id, within, most + 1)))
        .order_by(Transfer.seq.desc())
        .limit(most + 1)
    ).all()
    shown = moved[:most]
    names = accounts_of(session, shown)
    entries = [_entry(one, account, names) for one in shown]
    return entries, str(shown[-1].seq) if len(moved) > most else None


def read_seq(text: str) -> int:
    """Return the number in a cursor; raises `BadCursor`."""
    number = as_seq(text)
    if number is None:
        raise BadCursor
    return number


def as_seq(text: str) -> int | None:
    """Return the number of a transfer that a text is, or None."""
    is_number = text.isascii() and text.isdigit() and len(text) < 20
    return int(text) if is_number and int(text) <= MOST_SEQ else None


def accounts_of(session: Session, transfers: Sequence[Transfer]) -> Mapping[UUID, Account]:
    """Return the accounts of these transfers by their ids."""
    ids = {one.debit_account_id for one in transfers} | {one.credit_account_id for one in transfers}
    return {one.id: one for one in session.scalars(select(Account).where(Account.id.in_(ids)))}


def list_of_order(session: Session, order_id: UUID) -> Sequence[Transfer]:
    """Return what was posted for an order, oldest first."""
    return session.scalars(
        select(Transfer)
        .where(Transfer.order_id == order_id)
        .order_by(Transfer.seq)
        .limit(MOST_OF_ORDER)
    ).all()


def _numbers(row_id: UUID, within: list[ColumnElement[bool]], most: int) -> Select[Any]:
    """Select the newest numbers of either side, each side by its own index."""
    sides = [
        select(Transfer.seq)
        .where(side == row_id, *within)
        .order_by(Transfer.seq.desc())
        .limit(most)
        .subquery()
        for side in (Transfer.debit_account_id, Transfer.credit_account_id)
    ]
    both = union_all(*(select(side.c.seq) for side in sides)).subquery()
    return select(both.c.seq)


def _entry(one: Transfer, account: Account, names: Mapping[UUID, Account]) -> Entry:
    if one.debit_account_id == account.id:
        return Entry(one, names[one.credit_account_id], one.amount_fen, None)
    return Entry(one, names[one.debit_account_id], None, one.amount_fen)
