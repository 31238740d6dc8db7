"""Reading day sums: balances to the moment, an account's days, figures of a span of days."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CompoundSelect,
    Select,
    Subquery,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from kit.clock import business_day_bounds
from shop.ledger.models import Account, AccountKind, Transfer
from shop.reports.models import AccountDay, DayFigure, FigureKind, ReportDay

MOST_LINES: Final = 400  # of one report


@dataclass(frozen=True, slots=True)
class Moved:
    """What accounts ever moved, to the moment."""

    accounts: int
    debits_fen: int
    credits_fen: int


@dataclass(frozen=True, slots=True)
class Span:
    """Days, both included."""

    since: date
    until: date


@dataclass(frozen=True, slots=True)
class Summed:
    """One line of a report: what it is of, and its sums."""

    of: Any
    things: int
    units: int
    amount_fen: int


def due_days(now: datetime) -> Select[UUID]:
    """Select the ids of days to be summed, the oldest first."""
    return select(ReportDay.id).where(ReportDay.due_at <= now).order_by(ReportDay.day)


def find_last_day(session: Session) -> date | None:
    """Return the newest day that is written down."""
    return session.scalar(select(func.max(ReportDay.day)))


def find_summed_at(session: Session) -> datetime | None:
    """Return as of when the newest sums are."""
    newest = select(ReportDay.summed_at).where(ReportDay.summed_at.is_not(None))
    return session.scalar(newest.order_by(ReportDay.day.desc()).limit(1))


def sum_by_kind(session: Session, kinds: Collection[AccountKind]) -> Mapping[AccountKind, Moved]:
    """Return what the accounts of each kind moved together."""
    moved = _moved(session)
    rows = session.execute(
        select(
            Account.kind,
            func.count(),
            func.coalesce(func.sum(moved.c.debits), 0),
            func.coalesce(func.sum(moved.c.credits), 0),
        )
        .outerjoin(moved, moved.c.account_id == Account.id)
        .where(Account.kind.in_(kinds))
        .group_by(Account.kind)
    )
    return {kind: Moved(count, int(debits), int(credits)) for kind, count, debits, credits in rows}


def sum_accounts(session: Session, account_ids: Collection[UUID]) -> Mapping[UUID, Moved]:
    """Return what each of these accounts moved; one that moved nothing is left out."""
    moved = _moved(session, account_ids)
    rows = session.execute(select(moved.c.account_id, moved.c.debits, moved.c.credits))
    return {row_id: Moved(1, int(debits), int(credits)) for row_id, debits, credits in rows}


def list_account_days(
    session: Session, account_id: UUID, *, before: date | None, most: int
) -> Sequence[AccountDay]:
    """Return the days on which the account moved, newest first."""
    query = select(AccountDay).where(AccountDay.account_id == account_id)
    if before is not None:
        query = query.where(AccountDay.day < before)
    return session.scalars(query.order_by(AccountDay.day.desc()).limit(most)).all()


def balance_before(session: Session, account_id: UUID, day: date) -> int:
    """Return the account's debits less its credits of all days before this one."""
    total = func.sum(AccountDay.debits_fen - AccountDay.credits_fen)
    query = select(total).where(AccountDay.account_id == account_id, AccountDay.day < day)
    return int(session.scalar(query) or 0)


def find_account_day(session: Session, account_id: UUID, day: date) -> AccountDay | None:
    """Return what the account moved on a day, or None."""
    return session.get(AccountDay, (account_id, day))


def list_kinds_by_day(
    session: Session, kinds: Collection[AccountKind], span: Span
) -> Sequence[tuple[date, AccountKind, int, int]]:
    """Return day, kind, debits and credits of all accounts of these kinds."""
    rows = session.execute(
        select(
            AccountDay.day,
            Account.kind,
            func.sum(AccountDay.debits_fen),
            func.sum(AccountDay.credits_fen),
        )
        .join(Account, Account.id == AccountDay.account_id)
        .where(Account.kind.in_(kinds), AccountDay.day.between(span.since, span.until))
        .group_by(AccountDay.day, Account.kind)
        .order_by(AccountDay.day)
    )
    return [(day, kind, int(debits), int(credits)) for day, kind, debits, credits in rows]


def list_owners(
    session: Session, kind: AccountKind, span: Span, *, most: int
) -> Sequence[tuple[str, int, int]]:
    """Return owner, debits and credits of this kind's accounts, most credits first."""
    credited = func.sum(AccountDay.credits_fen)
    rows = session.execute(
        select(Account.owner, func.sum(AccountDay.debits_fen), credited)
        .join(Account, Account.id == AccountDay.account_id)
        .where(Account.kind == kind, AccountDay.day.between(span.since, span.until))
        .group_by(Account.owner)
        .order_by(credited.desc(), Account.owner)
        .limit(most)
    )
    return [(owner, int(debits), int(credits)) for owner, debits, credits in rows]


def sum_figures(
    session: Session,
    kind: FigureKind,
    span: Span,
    by: InstrumentedAttribute[Any],
    *,
    by_amount: bool = True,
    most: int = MOST_LINES,
) -> list[Summed]:
    """Return the figures of one kind summed by a column, the largest amount or least key first."""
    amount = func.sum(DayFigure.amount_fen)
    order = amount.desc() if by_amount else by
    rows = session.execute(
        select(by, func.sum(DayFigure.things), func.sum(DayFigure.units), amount)
        .where(DayFigure.kind == kind, DayFigure.day.between(span.since, span.until))
        .group_by(by)
        .order_by(order)
        .limit(most)
    )
    return [Summed(of, int(things), int(units), int(fen)) for of, things, units, fen in rows]


def _first_open_day(session: Session) -> date | None:
    """Return the day before which everything is summed for good; None: nothing is."""
    is_open = ~ReportDay.is_closed
    found = session.scalar(select(func.min(ReportDay.day)).where(is_open))
    last = find_last_day(session)
    return found or (last and last + timedelta(days=1))


def _moved(session: Session, account_ids: Collection[UUID] | None = None) -> Subquery:
    """Select account, debits and credits: days that are closed, and the transfers after them."""
    day = _first_open_day(session)
    is_closed = AccountDay.day < day if day else literal(value=False)
    is_after = Transfer.at >= business_day_bounds(day)[0] if day else literal(value=True)
    closed = select(AccountDay.account_id, AccountDay.debits_fen, AccountDay.credits_fen)
    parts: list[Select[*tuple[Any, ...]]] = [closed.where(is_closed)]
    for account, debits, credits in (
        (Transfer.debit_account_id, Transfer.amount_fen, literal(0)),
        (Transfer.credit_account_id, literal(0), Transfer.amount_fen),
    ):
        parts.append(select(account, debits, credits).where(is_after))
    if account_ids is not None:
        accounts = (AccountDay.account_id, Transfer.debit_account_id, Transfer.credit_account_id)
        parts = [
            part.where(account.in_(account_ids))
            for part, account in zip(parts, accounts, strict=True)
        ]
    every: CompoundSelect[Any] = union_all(*parts)
    each = every.subquery()
    return (
        select(
            each.c.account_id,
            func.sum(each.c.debits_fen).label("debits"),
            func.sum(each.c.credits_fen).label("credits"),
        )
        .group_by(each.c.account_id)
        .subquery()
    )
