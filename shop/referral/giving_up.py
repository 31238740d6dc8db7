"""Earnings that nobody will ask for: their leader closed the account; they are the house's again.

It is done by a handler and not while the account is closed: whoever changes a leader's sums locks
them before the member, and a closing account is locked first.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from kit.lifecycle import move
from kit.money import Fen
from kit.sweep import settle
from shop.referral import persons
from shop.referral.commissions import ACTOR
from shop.referral.earning import EXPENSE, Step, payable, pending, post
from shop.referral.models import Commission, CommissionStatus, Earnings, EntryKind
from shop.referral.payouts import mark_paid

S = CommissionStatus


def give_up_if_closed(session: Session, earnings: Earnings, *, now: datetime) -> None:
    """Write back what a leader, whose sums are locked, has coming, if their account is closed.

    Nothing more is earned on it from then on.
    """
    if not persons.fate_of(session, earnings.member_id).has_closed:
        return
    earnings.closed_at = earnings.closed_at or now
    if earnings.pending_fen + earnings.payable_fen == 0:
        return
    member_id, ready = earnings.member_id, earnings.payable_fen
    steps: list[Step] = []
    for commission in _lock_unpaid(session, earnings):
        is_pending = commission.status is S.PENDING
        # Of what is payable the oldest was paid already, or eaten by a debt: the newest is left.
        back = Fen(commission.left_fen if is_pending else min(commission.left_fen, ready))
        ready = ready if is_pending else Fen(ready - back)
        side = pending(member_id) if is_pending else payable(member_id)
        steps.append(Step(EntryKind.GIVEN_UP, side, EXPENSE, back, commission))
        commission.left_fen = Fen(commission.left_fen - back)
        if commission.left_fen == 0:
            settle(commission)
            move(session, commission, S.GIVEN_UP, at=now, actor=ACTOR)
    post(session, earnings, steps, now=now)
    mark_paid(session, earnings, actor=ACTOR, now=now)


def _lock_unpaid(session: Session, earnings: Earnings) -> list[Commission]:
    """Return what was not marked as paid, the newest first, locked and fresh."""
    unpaid = (
        select(Commission)
        .where(
            Commission.earner_id == earnings.member_id,
            Commission.status.in_((S.PENDING, S.PAYABLE)),
        )
        .order_by(Commission.id.desc())
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(unpaid))
