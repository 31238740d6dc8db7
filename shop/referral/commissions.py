"""Commissions: earned when an order is paid, adjusted to what came back, matured."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from kit.errors import Conflict
from kit.ids import new_id
from kit.lifecycle import move
from kit.money import Fen
from kit.sweep import is_due, postpone, settle
from shop.orders import queries as orders
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.referral import persons, queries
from shop.referral.booking import book
from shop.referral.earning import (
    EXPENSE,
    Step,
    debt,
    lock_commissions,
    lock_earnings,
    payable,
    pending,
    post,
)
from shop.referral.models import (
    Attribution,
    Commission,
    CommissionRule,
    CommissionStatus,
    Earnings,
    EntryKind,
)
from shop.referral.persons import Inviter
from shop.referral.rules import earned, earned_now, pick_rule

S: Final = CommissionStatus
LOOK_AGAIN: Final = timedelta(minutes=10)  # at an order that is not delivered, or being repaid
ACTOR: Final = "referral"


class EarnerChanged(Conflict):
    """The leader became part of another member at this moment; once more helps."""

    code = "referral.earner_changed"
    title = "The leader's account was joined to another, try again"
    message = "账号状态已变化，请稍后重试"


def earn(
    session: Session, attribution: Attribution, by: Inviter, *, now: datetime
) -> list[Commission]:
    """Write down whose touch a paid order is owed to, and what this leader earns on its lines.

    By the rules of the order's placing. Raises `EarnerChanged`.
    """
    found = queries.list_lines_with_rules(session, attribution.order_id, leader_id=by.member_id)
    made = _commissions(found, by.member_id, now=now)
    if not made:
        session.add(attribution)
        return []
    if not by.has_sums:
        lock_earnings(session, by.member_id)
    if not book(session, attribution, made, now=now):
        # Who handed their sums over just now would keep these for ever.
        if persons.fate_of(session, by.member_id).has_joined:
            raise EarnerChanged
        return []
    if any(line.refunded_fen for line, _ in found):
        # Units came back before this was heard of.
        adjust_order(session, attribution.order_id, now=now)
    return made


def adjust_order(session: Session, order_id: UUID, *, now: datetime) -> None:
    """Take back what was earned on units of the order that came back; raises `EarnerChanged`."""
    earner_id = queries.find_earner(session, order_id)
    if earner_id is None:
        return
    earnings = lock_earnings(session, earner_id)
    commissions = lock_commissions(session, earner_id, order_id)
    if not commissions:
        raise EarnerChanged
    adjust_all(session, earnings, commissions, now=now)


def mature(session: Session, commission_id: UUID, *, now: datetime) -> None:
    """Make a commission payable when the order is delivered and the window is over.

    Else it is looked at again when that may be so. Raises `EarnerChanged`.
    """
    found = session.get_one(Commission, commission_id)
    earnings = lock_earnings(session, found.earner_id)
    commission = session.get_one(
        Commission, commission_id, with_for_update=True, populate_existing=True
    )
    if commission.earner_id != earnings.member_id:
        raise EarnerChanged
    if commission.status is not S.PENDING or not is_due(commission, now=now):
        return
    adjust_all(session, earnings, [commission], now=now)
    order = session.get_one(Order, commission.order_id, populate_existing=True)
    if commission.status is not S.PENDING:
        return
    if order.status is not OrderStatus.FULFILLED or order.fulfilled_at is None:
        postpone(commission, order.status.value, now=now, by=LOOK_AGAIN)
        return
    payable_at = order.fulfilled_at + timedelta(days=commission.holds_days)
    if now < payable_at:
        commission.due_at = payable_at
        return
    step = Step(
        EntryKind.MATURED,
        pending(earnings.member_id),
        payable(earnings.member_id),
        commission.left_fen,
        commission,
    )
    post(session, earnings, [step], now=now)
    settle(commission)
    move(session, commission, S.PAYABLE, at=now, actor="scheduler")


def adjust_own(session: Session, earnings: Earnings, *, now: datetime) -> None:
    """Take back what a member would earn on orders that are their own since a joining."""
    parts = persons.list_parts(session, earnings.member_id)
    own = session.scalars(
        select(Commission)
        .join(Order, Order.id == Commission.order_id)
        .where(
            Commission.earner_id == earnings.member_id,
            Commission.status.in_((S.PENDING, S.PAYABLE)),
            Order.member_id.in_(parts),
        )
        .with_for_update(of=Commission)
        .execution_options(populate_existing=True)
    ).all()
    for commission in own:
        _lower(session, earnings, commission, Fen(0), now=now)


def adjust_all(
    session: Session, earnings: Earnings, commissions: Sequence[Commission], *, now: datetime
) -> None:
    """Take back what was earned on whatever came back of a leader's commissions, all locked."""
    lines = orders.list_lines(session, list({one.order_id for one in commissions}))
    _adjust(session, earnings, commissions, lines, now=now)


def _adjust(
    session: Session,
    earnings: Earnings,
    commissions: Sequence[Commission],
    lines: Sequence[OrderLine],
    *,
    now: datetime,
) -> None:
    by_id = {line.id: line for line in lines}
    for commission in commissions:
        left = earned_now(commission, by_id[commission.order_line_id])
        _lower(session, earnings, commission, left, now=now)


def _lower(
    session: Session, earnings: Earnings, commission: Commission, left: Fen, *, now: datetime
) -> None:
    """Let `left` be left of a commission: the rest is taken off what it stands in."""
    back = commission.left_fen - left
    if back <= 0:
        return
    post(session, earnings, _steps_back(earnings, commission, back), now=now)
    commission.left_fen = left
    if left == 0 and commission.status is not S.PAID:
        settle(commission)
        move(session, commission, S.CLAWED_BACK, at=now, actor=ACTOR)


def _steps_back(earnings: Earnings, commission: Commission, back: int) -> list[Step]:
    member_id = earnings.member_id
    if commission.status is S.PENDING:
        source = pending(member_id)
        return [Step(EntryKind.CLAWED_BACK, source, EXPENSE, Fen(back), commission)]
    # What a debt has eaten of it, or was paid, is owed.
    ready = min(back, earnings.payable_fen) if commission.status is S.PAYABLE else 0
    return [
        Step(EntryKind.CLAWED_BACK, payable(member_id), EXPENSE, Fen(ready), commission),
        Step(EntryKind.INDEBTED, debt(member_id), EXPENSE, Fen(back - ready), commission),
    ]


def _commissions(
    found: Sequence[tuple[OrderLine, CommissionRule]], earner_id: UUID, *, now: datetime
) -> list[Commission]:
    made: list[Commission] = []
    for line, theirs in groupby(found, key=itemgetter(0)):
        rule = pick_rule(rule for _, rule in theirs)
        commission = None if rule is None else _commission(line, rule, earner_id, now=now)
        if commission is not None:
            made.append(commission)
    return made


def _commission(
    line: OrderLine, rule: CommissionRule, earner_id: UUID, *, now: datetime
) -> Commission | None:
    amount = earned(rule, left_fen=line.total_fen, units=line.quantity)
    if amount == 0:
        return None
    return Commission(
        id=new_id(),
        order_line_id=line.id,
        order_id=line.order_id,
        earner_id=earner_id,
        status=S.PENDING,
        rule_id=rule.id,
        basis_points=rule.basis_points,
        fixed_fen=rule.fixed_fen,
        holds_days=rule.holds_days,
        quantity=line.quantity,
        base_fen=line.total_fen,
        amount_fen=amount,
        left_fen=amount,
        created_at=now,
        due_at=now + timedelta(days=rule.holds_days),
    )
