"""Reading withdrawals, and locking one together with the sums it is part of."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from kit.clock import business_date, business_day_bounds
from kit.errors import NotFound
from kit.pages import Page, read_page
from shop.members.platforms import Platform
from shop.payments.gateway import Channel
from shop.referral.commissions import EarnerChanged
from shop.referral.earning import lock_earnings
from shop.referral.models import Earnings
from shop.withdrawals.models import Withdrawal, WithdrawalStatus

S = WithdrawalStatus
CAME_TO_NOTHING: Final = (S.FAILED, S.CANCELLED, S.REJECTED)
PLATFORM_OF: Final = {Channel.WECHAT_PAY: Platform.WECHAT, Channel.ALIPAY: Platform.ALIPAY}


class WithdrawalNotFound(NotFound):
    """There is no such withdrawal, or it is somebody else's."""

    code = "withdrawals.not_found"
    title = "Withdrawal not found"
    message = "没有找到该提现"


def find_by_number(session: Session, out_bill_no: str) -> Withdrawal | None:
    """Return the withdrawal with this number, or None."""
    return session.scalars(
        select(Withdrawal).where(Withdrawal.out_bill_no == out_bill_no)
    ).one_or_none()


def get_own(session: Session, withdrawal_id: UUID, *, member_id: UUID) -> Withdrawal:
    """Return the member's withdrawal; raises `WithdrawalNotFound`."""
    found = session.get(Withdrawal, withdrawal_id)
    if found is None or found.member_id != member_id:
        raise WithdrawalNotFound
    return found


def list_own(
    session: Session, member_id: UUID, *, cursor: str | None = None, limit: int = 20
) -> Page[Withdrawal]:
    """Return a page of the member's withdrawals, newest first."""
    query = select(Withdrawal).where(Withdrawal.member_id == member_id)
    return read_page(session, query, Withdrawal.id, cursor=cursor, limit=limit)


def list_open(session: Session, status: WithdrawalStatus | None = None) -> Sequence[Withdrawal]:
    """Return every open withdrawal, or those in a status, whoever waited longest first."""
    rows = select(Withdrawal).where(Withdrawal.ended_at.is_(None))
    if status is not None:
        rows = rows.where(Withdrawal.status == status)
    return session.scalars(rows.order_by(Withdrawal.id)).all()


def find_open(session: Session, member_id: UUID) -> Withdrawal | None:
    """Return an open withdrawal of the member, or None."""
    rows = select(Withdrawal).where(
        Withdrawal.member_id == member_id, Withdrawal.ended_at.is_(None)
    )
    return session.scalars(rows.order_by(Withdrawal.id).limit(1)).one_or_none()


def sum_of_day(session: Session, member_id: UUID, *, now: datetime) -> int:
    """Return what the member asked for on this business day, without what came to nothing."""
    begins_at, ends_at = business_day_bounds(business_date(now))
    total = select(func.coalesce(func.sum(Withdrawal.amount_fen), 0)).where(
        Withdrawal.member_id == member_id,
        Withdrawal.requested_at >= begins_at,
        Withdrawal.requested_at < ends_at,
        Withdrawal.status.not_in(CAME_TO_NOTHING),
    )
    return int(session.scalars(total).one())


def lock_withdrawal(session: Session, withdrawal_id: UUID) -> tuple[Earnings, Withdrawal]:
    """Return the leader's sums and the withdrawal, both locked and fresh, in this order.

    Raises `WithdrawalNotFound`, or `EarnerChanged` while the news of a joining is on its way.
    """
    found = session.get(Withdrawal, withdrawal_id)
    if found is None:
        raise WithdrawalNotFound
    earnings = lock_earnings(session, found.member_id)
    withdrawal = session.get_one(
        Withdrawal, withdrawal_id, with_for_update=True, populate_existing=True
    )
    is_elsewhere = withdrawal.member_id != earnings.member_id
    is_open = withdrawal.ended_at is None
    if is_elsewhere or (is_open and earnings.withdrawing_fen < withdrawal.amount_fen):
        raise EarnerChanged
    return earnings, withdrawal


def due_to_send(now: datetime) -> Select[UUID]:
    """Select the ids of withdrawals to be sent, or sent and not known there, longest due first."""
    return _due(now, Withdrawal.status.in_((S.APPROVED, S.SENDING)))


def due_to_ask(now: datetime) -> Select[UUID]:
    """Select the ids of withdrawals that wait for their leader, longest due first."""
    return _due(now, Withdrawal.status == S.AWAITING_USER)


def _due(now: datetime, which: ColumnElement[bool]) -> Select[UUID]:
    return select(Withdrawal.id).where(Withdrawal.due_at <= now, which).order_by(Withdrawal.due_at)


def count_in_review(session: Session) -> int:
    """Count the withdrawals that wait for an operator's word."""
    waiting = select(func.count()).where(Withdrawal.status == WithdrawalStatus.IN_REVIEW)
    return session.scalar(waiting) or 0
