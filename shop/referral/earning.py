"""A leader's sums: each change is an entry of the statement and the transfers that match it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kit.ids import new_id
from kit.money import Fen
from shop.ledger import service as ledger
from shop.ledger.models import AccountKind
from shop.ledger.service import Cause, Posting, Side
from shop.referral.models import Commission, Earnings, EntryKind
from shop.referral.models import CommissionEntry as Entry

EXPENSE: Final = Side(AccountKind.COMMISSIONS)
PAYOUTS: Final = Side(AccountKind.COMMISSION_PAYOUTS)
OWNED: Final = (
    AccountKind.COMMISSION_PENDING,
    AccountKind.COMMISSION_PAYABLE,
    AccountKind.COMMISSION_WITHDRAWING,
    AccountKind.COMMISSION_DEBT,
)
# Which sum an account stands for, and how a credit to the account changes it.
_SUMS: Final = {
    AccountKind.COMMISSION_PENDING: ("pending_fen", 1),
    AccountKind.COMMISSION_PAYABLE: ("payable_fen", 1),
    AccountKind.COMMISSION_WITHDRAWING: ("withdrawing_fen", 1),
    AccountKind.COMMISSION_DEBT: ("debt_fen", -1),
    AccountKind.COMMISSION_PAYOUTS: ("paid_fen", 1),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One entry to be written: from the credited to the debited side, in fen."""

    kind: EntryKind
    debit: Side
    credit: Side
    fen: Fen
    commission: Commission | None = None
    withdrawal_id: UUID | None = None


def pending(member_id: UUID) -> Side:
    """Return the account of what a leader has coming."""
    return Side(AccountKind.COMMISSION_PENDING, str(member_id))


def payable(member_id: UUID) -> Side:
    """Return the account of what is to be paid to a leader."""
    return Side(AccountKind.COMMISSION_PAYABLE, str(member_id))


def withdrawing(member_id: UUID) -> Side:
    """Return the account of what a leader has asked for and was not paid yet."""
    return Side(AccountKind.COMMISSION_WITHDRAWING, str(member_id))


def debt(member_id: UUID) -> Side:
    """Return the account of what a leader was paid and did not earn after all."""
    return Side(AccountKind.COMMISSION_DEBT, str(member_id))


def lock_earnings(session: Session, member_id: UUID) -> Earnings:
    """Return the member's sums, locked and fresh; the first time opens their accounts.

    Taken before the member's commissions are locked; of two members', the smaller id first.
    """
    found = session.get(Earnings, member_id, with_for_update=True, populate_existing=True)
    if found is not None:
        return found
    made = session.execute(
        insert(Earnings)
        .values(member_id=member_id, **{name: 0 for name, _ in _SUMS.values()})
        .on_conflict_do_nothing()
        .returning(Earnings.member_id)
    )
    if made.first() is not None:
        for kind in OWNED:
            ledger.open_account(session, Side(kind, str(member_id)))
    return session.get_one(Earnings, member_id, with_for_update=True, populate_existing=True)


def lock_commissions(session: Session, earner_id: UUID, order_id: UUID) -> Sequence[Commission]:
    """Return what the earner, whose sums are locked, earns on the order: locked and fresh."""
    return session.scalars(
        select(Commission)
        .where(Commission.earner_id == earner_id, Commission.order_id == order_id)
        .order_by(Commission.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def post(session: Session, earnings: Earnings, steps: Sequence[Step], *, now: datetime) -> None:
    """Write entries and transfers, and bring the sums to agree; a debt is set off at once."""
    # The sums are written once, since between two entries a debt may stand beside what is payable.
    with session.no_autoflush:
        postings = [_apply(session, earnings, step, now=now) for step in steps if step.fen > 0]
        postings += _set_off(session, earnings, now=now)
    session.flush()
    ledger.transfer_many(session, postings, now=now)


def hand_over(session: Session, gone: Earnings, kept: Earnings, *, now: datetime) -> None:
    """Give a joined member's sums to the member they became part of, by leg of one entry each."""
    sums = {name: getattr(gone, name) for name, _ in _SUMS.values()}
    if not any(sums.values()):
        return
    out = Entry(id=new_id(), member_id=gone.member_id, kind=EntryKind.HANDED_OVER, at=now)
    into = Entry(id=new_id(), member_id=kept.member_id, kind=EntryKind.TAKEN_OVER, at=now)
    legs: list[Posting] = []
    # The payouts are one account for all; what was paid to either stays posted as it is.
    for side in (pending, payable, withdrawing, debt):
        old, new = side(gone.member_id), side(kept.member_id)
        name, sign = _SUMS[old.kind]
        debit, credit = (old, new) if sign > 0 else (new, old)
        if sums[name]:
            cause = Cause("commission", out.id, name)
            legs.append(Posting(debit, credit, Fen(sums[name]), cause, None))
    with session.no_autoflush:
        for name, fen in sums.items():
            setattr(out, name, -fen)
            setattr(into, name, fen)
            setattr(gone, name, 0)
            setattr(kept, name, getattr(kept, name) + fen)
        session.add_all([out, into])
        legs += _set_off(session, kept, now=now)
    session.flush()
    ledger.transfer_many(session, legs, now=now)


def _set_off(session: Session, earnings: Earnings, *, now: datetime) -> list[Posting]:
    fen = min(earnings.payable_fen, earnings.debt_fen)
    if fen == 0:
        return []
    sides = payable(earnings.member_id), debt(earnings.member_id)
    return [_apply(session, earnings, Step(EntryKind.SET_OFF, *sides, Fen(fen)), now=now)]


def _apply(session: Session, earnings: Earnings, step: Step, *, now: datetime) -> Posting:
    """Change the sums by a step and write its entry; return the transfer that matches."""
    changes = _changes(step)
    for name, fen in changes.items():
        setattr(earnings, name, getattr(earnings, name) + fen)
    entry = Entry(
        id=new_id(),
        member_id=earnings.member_id,
        commission_id=None if step.commission is None else step.commission.id,
        withdrawal_id=step.withdrawal_id,
        kind=step.kind,
        at=now,
        **{name: Fen(fen) for name, fen in changes.items()},
    )
    session.add(entry)
    order_id = None if step.commission is None else step.commission.order_id
    cause = Cause("commission", entry.id, step.kind.value)
    return Posting(step.debit, step.credit, step.fen, cause, order_id)


def _changes(step: Step) -> dict[str, int]:
    """Return by how much the step changes which sums."""
    found: dict[str, int] = {}
    for side, direction in ((step.debit, -1), (step.credit, 1)):
        if side.kind in _SUMS:
            name, sign = _SUMS[side.kind]
            found[name] = direction * sign * step.fen
    return found
