"""Withdrawals row by row: asking, approving, rejecting, cancelling, and how each of them ends."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from kit.errors import Conflict
from kit.ids import new_id, new_number
from kit.lifecycle import move
from kit.money import Fen
from kit.sweep import settle
from shop.ledger import service as ledger
from shop.ledger.models import AccountKind
from shop.ledger.service import Cause, Side
from shop.members import queries as members
from shop.payments.transfer_gateway import TransferGateway
from shop.referral import payouts
from shop.referral.earning import PAYOUTS, lock_earnings
from shop.referral.giving_up import give_up_if_closed
from shop.referral.models import Earnings
from shop.withdrawals import queries
from shop.withdrawals.models import SENT, UNSENT, TakeBack, Withdrawal, WithdrawalStatus
from shop.withdrawals.rules import WithdrawalTerms, check_amount, fee_of

S = WithdrawalStatus
FEES: Final = Side(AccountKind.WITHDRAWAL_FEES)


class WithdrawalOpen(Conflict):
    """The leader has one open; the next may be asked for when it has ended."""

    code = "withdrawals.open_already"
    title = "Another withdrawal is open"
    message = "您有一笔提现正在处理中"


class NoPayee(Conflict):
    """The leader never signed in on that platform, so it does not know whom to pay."""

    code = "withdrawals.no_payee"
    title = "Sign in on that platform first"
    message = "请先登录对应平台后再提现"


class NotCancellable(Conflict):
    """The withdrawal has ended."""

    code = "withdrawals.not_cancellable"
    title = "The withdrawal has ended"
    message = "该提现已结束，无法取消"


class NothingToAsk(Conflict):
    """The platform cannot know anything of it: nothing was sent, or it has ended."""

    code = "withdrawals.nothing_to_ask"
    title = "There is nothing to ask the platform about this withdrawal"
    message = "该提现尚未发出或已结束，无需查询"


class NotInReview(Conflict):
    """Nobody waits for an operator's word about it."""

    code = "withdrawals.not_in_review"
    title = "The withdrawal is not in review"
    message = "该提现不在审核中"


def request(
    session: Session,
    gateway: TransferGateway,
    *,
    member_id: UUID,
    amount_fen: Fen,
    terms: WithdrawalTerms,
    now: datetime,
) -> Withdrawal:
    """Set an amount apart and have it sent, by a sweep, or looked at first if it is large.

    Raises `rules.AmountOutOfRange`, `rules.DayLimitReached`, `WithdrawalOpen`, `NoPayee`,
    `payouts.NotEnoughPayable` or `members.MemberNotActive`.
    """
    # Not the lock of `lock_member`: entries of the statement refer to their member, and whoever
    # writes one holds the sums already.
    if member_id not in members.lock_active(session, {member_id}):
        raise members.MemberNotActive
    earnings = lock_earnings(session, member_id)
    if queries.find_open(session, member_id) is not None:
        raise WithdrawalOpen
    today_fen = queries.sum_of_day(session, member_id, now=now)
    check_amount(terms, amount_fen, today_fen=today_fen)
    if find_payee(session, member_id, gateway) is None:
        raise NoPayee
    withdrawal = Withdrawal(
        id=new_id(),
        member_id=member_id,
        requested_by_id=member_id,
        channel=gateway.channel,
        app_id=gateway.app_id,
        merchant_id=gateway.merchant_id,
        out_bill_no=new_number("TW", now=now),
        status=S.REQUESTED,
        amount_fen=amount_fen,
        fee_fen=fee_of(terms, amount_fen),
        requested_at=now,
    )
    session.add(withdrawal)
    session.flush()  # the steps below name it
    payouts.reserve(session, earnings, amount_fen, withdrawal_id=withdrawal.id, now=now)
    if amount_fen >= terms.review_from_fen:
        move(session, withdrawal, S.IN_REVIEW, at=now, actor="rules")
    else:
        _approve(session, withdrawal, actor="rules", now=now)
    return withdrawal


def approve(session: Session, withdrawal_id: UUID, *, actor: str, now: datetime) -> Withdrawal:
    """Have a withdrawal in review sent; one whose leader owes by now is cancelled instead.

    Raises `NotInReview` or `queries.WithdrawalNotFound`.
    """
    earnings, withdrawal = queries.lock_withdrawal(session, withdrawal_id)
    if withdrawal.status is not S.IN_REVIEW:
        raise NotInReview(status=withdrawal.status.value)
    note_debt(session, earnings, withdrawal, now=now)
    if withdrawal.take_back is TakeBack.DEBT:
        why = withdrawal.take_back.value
        end(session, earnings, withdrawal, S.CANCELLED, why=why, actor="rules", now=now)
    else:
        _approve(session, withdrawal, actor=actor, now=now)
    return withdrawal


def reject(
    session: Session, withdrawal_id: UUID, *, why: str, actor: str, now: datetime
) -> Withdrawal:
    """Give back what is in review; raises `NotInReview` or `queries.WithdrawalNotFound`."""
    earnings, withdrawal = queries.lock_withdrawal(session, withdrawal_id)
    if withdrawal.status is not S.IN_REVIEW:
        raise NotInReview(status=withdrawal.status.value)
    end(session, earnings, withdrawal, S.REJECTED, why=why, actor=actor, now=now)
    return withdrawal


def ask_again(session: Session, withdrawal_id: UUID, *, now: datetime) -> Withdrawal:
    """Have the sweep ask the platform at once what became of a withdrawal that was sent.

    It does what it would do later; asking twice at the same time does no harm. Raises
    `NothingToAsk` or `queries.WithdrawalNotFound`.
    """
    _, withdrawal = queries.lock_withdrawal(session, withdrawal_id)
    if withdrawal.status not in SENT:
        raise NothingToAsk(status=withdrawal.status.value)
    withdrawal.due_at = now
    return withdrawal


def cancel(session: Session, withdrawal_id: UUID, *, member_id: UUID, now: datetime) -> Withdrawal:
    """Take a withdrawal back: at once while nothing was sent, else if the platform still can.

    Raises `NotCancellable` or `queries.WithdrawalNotFound`.
    """
    queries.get_own(session, withdrawal_id, member_id=member_id)
    earnings, withdrawal = queries.lock_withdrawal(session, withdrawal_id)
    if withdrawal.member_id != member_id:
        raise queries.WithdrawalNotFound
    if withdrawal.ended_at is not None:
        raise NotCancellable(status=withdrawal.status.value)
    withdrawal.take_back = withdrawal.take_back or TakeBack.MEMBER
    if withdrawal.status in UNSENT:
        end(session, earnings, withdrawal, S.CANCELLED, why="member", actor="member", now=now)
    elif withdrawal.status is S.AWAITING_USER:
        withdrawal.due_at = now  # asking twice at the same time does no harm
    return withdrawal


def note_debt(
    session: Session, earnings: Earnings, withdrawal: Withdrawal, *, now: datetime
) -> None:
    """Take a withdrawal back if its leader owes, with all that is promised back up to now.

    The news of a refund comes when the platform has confirmed it, which may be days later.
    """
    payouts.adjust_payable(session, earnings, now=now)
    if earnings.debt_fen > 0:
        withdrawal.take_back = withdrawal.take_back or TakeBack.DEBT


def end(
    session: Session,
    earnings: Earnings,
    withdrawal: Withdrawal,
    to: WithdrawalStatus,
    *,
    why: str,
    actor: str,
    now: datetime,
) -> None:
    """Let a withdrawal come to nothing: its amount is payable again, less a debt."""
    _close(session, withdrawal, to, actor=actor, now=now)
    withdrawal.reason = why[:200]
    payouts.give_back(
        session, earnings, withdrawal.amount_fen, withdrawal_id=withdrawal.id, now=now
    )
    # A joined member's may end after whoever they became part of has closed the account.
    give_up_if_closed(session, earnings, now=now)


def pay(
    session: Session,
    earnings: Earnings,
    withdrawal: Withdrawal,
    *,
    platform_no: str | None,
    now: datetime,
) -> None:
    """Write down that the platform has paid: the statement, and what left our account there."""
    _close(session, withdrawal, S.PAID, actor="platform", now=now)
    withdrawal.platform_no = platform_no or withdrawal.platform_no
    payouts.confirm(
        session,
        earnings,
        withdrawal.amount_fen,
        withdrawal_id=withdrawal.id,
        actor="platform",
        now=now,
    )
    clearing = Side(AccountKind.CLEARING, withdrawal.channel.value)
    for leg, side, fen in (
        ("paid", clearing, withdrawal.net_fen),
        ("fee", FEES, withdrawal.fee_fen),
    ):
        if fen:
            ledger.transfer(
                session,
                debit=PAYOUTS,
                credit=side,
                amount_fen=fen,
                cause=Cause("withdrawal", withdrawal.id, leg),
                order_id=None,
                now=now,
            )


def find_payee(session: Session, member_id: UUID, gateway: TransferGateway) -> str | None:
    """Return what the platform calls the member, or None."""
    platform = queries.PLATFORM_OF[gateway.channel]
    return members.find_open_id(session, member_id, platform=platform, app_id=gateway.app_id)


def reassign(session: Session, *, gone_id: UUID, kept_id: UUID) -> None:
    """Give a joined member's withdrawals to the member they became part of, as their sums."""
    session.execute(
        update(Withdrawal).where(Withdrawal.member_id == gone_id).values(member_id=kept_id)
    )


def _approve(session: Session, withdrawal: Withdrawal, *, actor: str, now: datetime) -> None:
    move(session, withdrawal, S.APPROVED, at=now, actor=actor)
    withdrawal.due_at = now


def _close(
    session: Session, withdrawal: Withdrawal, to: WithdrawalStatus, *, actor: str, now: datetime
) -> None:
    move(session, withdrawal, to, at=now, actor=actor)
    settle(withdrawal)
    withdrawal.ended_at = now
    withdrawal.payee_ref = withdrawal.package_info = withdrawal.unsure_at = None
