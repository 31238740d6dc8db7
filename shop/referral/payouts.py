"""What leaders take out of their earnings: set apart when they ask, then paid or given back.

Whoever calls moves the money; see docs/adr/0032.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from kit.errors import Conflict
from kit.lifecycle import move
from kit.money import Fen
from shop.orders.models import OrderLine
from shop.referral.commissions import adjust_all
from shop.referral.earning import PAYOUTS, Step, payable, post, withdrawing
from shop.referral.models import Commission, CommissionStatus, Earnings, EntryKind

S = CommissionStatus
AT_ONCE: Final = 500  # commissions to be marked; a leader may have any number of them


class NotEnoughPayable(Conflict):
    """The leader asks for more than is payable at this moment."""

    code = "referral.not_enough_payable"
    title = "There is less to be paid than that"
    message = "可提现佣金不足"


def reserve(
    session: Session, earnings: Earnings, fen: Fen, *, withdrawal_id: UUID, now: datetime
) -> None:
    """Set an amount apart from what is payable to a leader, whose sums are locked.

    Units that came back up to now count. Raises `NotEnoughPayable`.
    """
    adjust_payable(session, earnings, now=now)
    if fen > earnings.payable_fen:
        raise NotEnoughPayable(payable_fen=earnings.payable_fen)
    member_id = earnings.member_id
    sides = payable(member_id), withdrawing(member_id)
    step = Step(EntryKind.WITHDRAWN, *sides, fen, withdrawal_id=withdrawal_id)
    post(session, earnings, [step], now=now)


def adjust_payable(session: Session, earnings: Earnings, *, now: datetime) -> None:
    """Take back of what is payable to a leader, whose sums are locked, what came back up to now.

    What is promised back counts, whether the platform has confirmed it or not. Nothing is read of
    commissions whose lines are whole, which are nearly all.
    """
    touched = (
        select(Commission)
        .join(OrderLine, OrderLine.id == Commission.order_line_id)
        .where(
            Commission.earner_id == earnings.member_id,
            Commission.status == S.PAYABLE,
            or_(OrderLine.refunded_fen > 0, OrderLine.refunded_quantity > 0),
        )
        .order_by(Commission.id)
        .with_for_update(of=Commission)
        .execution_options(populate_existing=True)
    )
    adjust_all(session, earnings, session.scalars(touched).all(), now=now)


def give_back(
    session: Session, earnings: Earnings, fen: Fen, *, withdrawal_id: UUID, now: datetime
) -> None:
    """Make payable again what was set apart; a debt that came up meanwhile is set off first."""
    member_id = earnings.member_id
    sides = withdrawing(member_id), payable(member_id)
    step = Step(EntryKind.RETURNED, *sides, fen, withdrawal_id=withdrawal_id)
    post(session, earnings, [step], now=now)


def confirm(
    session: Session,
    earnings: Earnings,
    fen: Fen,
    *,
    withdrawal_id: UUID,
    actor: str,
    now: datetime,
) -> None:
    """Write down that the leader has what was set apart; whatever comes back now is a debt."""
    sides = withdrawing(earnings.member_id), PAYOUTS
    step = Step(EntryKind.PAID_OUT, *sides, fen, withdrawal_id=withdrawal_id)
    post(session, earnings, [step], now=now)
    mark_paid(session, earnings, actor=actor, now=now)


def mark_paid(session: Session, earnings: Earnings, *, actor: str, now: datetime) -> None:
    """Move to `paid` those commissions, oldest first, that all payments up to now cover whole."""
    marked = select(func.coalesce(func.sum(Commission.left_fen), 0)).where(
        Commission.earner_id == earnings.member_id, Commission.status == S.PAID
    )
    covered = earnings.paid_fen - session.scalars(marked).one()
    for commission in _lock_payable(session, earnings.member_id):
        if commission.left_fen > covered:
            return
        covered -= commission.left_fen
        move(session, commission, S.PAID, at=now, actor=actor)


def _lock_payable(session: Session, member_id: UUID) -> Iterator[Commission]:
    """Yield what is payable, oldest first, locked and fresh; no more is read than is asked for."""
    chunk = (
        select(Commission)
        .where(Commission.earner_id == member_id, Commission.status == S.PAYABLE)
        .order_by(Commission.id)
        .limit(AT_ONCE)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = session.scalars(chunk).all()
    while found:
        yield from found
        found = session.scalars(chunk.where(Commission.id > found[-1].id)).all()
