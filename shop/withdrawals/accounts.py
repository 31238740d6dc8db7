"""A member's account as a whole, with what they took out of their earnings."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from kit.errors import Conflict
from shop.members.phones import PhoneBook
from shop.orders import accounts as orders
from shop.referral import accounts as referral
from shop.referral.queries import find_earnings
from shop.withdrawals import queries
from shop.withdrawals.models import Withdrawal


class UnfinishedWithdrawal(Conflict):
    """A withdrawal is still on its way."""

    code = "members.unfinished_withdrawal"
    title = "Wait for your withdrawal, or cancel it first"
    message = "您有一笔提现正在处理中，暂时无法注销"


class UnpaidEarnings(Conflict):
    """What the member earned by inviting would never be paid."""

    code = "members.unpaid_earnings"
    title = "You have earned commission that is not paid yet"
    message = "您还有未提现的佣金，注销后将无法领取"


def close_account(
    session: Session,
    *,
    member_id: UUID,
    give_up_cards: bool,
    give_up_earnings: bool,
    now: datetime,
) -> None:
    """Delete the account as `orders.close_account` does.

    Raises `UnfinishedWithdrawal`, or `UnpaidEarnings` unless `give_up_earnings`, too.
    """
    orders.close_account(session, member_id=member_id, give_up_cards=give_up_cards, now=now)
    # Whoever asks for one holds the member's lock, which we have by now.
    if queries.find_open(session, member_id) is not None:
        raise UnfinishedWithdrawal
    earnings = find_earnings(session, member_id)
    if not give_up_earnings and earnings.payable_fen + earnings.pending_fen > 0:
        raise UnpaidEarnings(payable_fen=earnings.payable_fen, pending_fen=earnings.pending_fen)


def export_account(session: Session, phone_book: PhoneBook, *, member_id: UUID) -> dict[str, Any]:
    """Return everything we hold about the member as JSON."""
    exported = referral.export_account(session, phone_book, member_id=member_id)
    mine = select(Withdrawal).where(Withdrawal.member_id == member_id).order_by(Withdrawal.id)
    exported["withdrawals"] = [
        {
            "number": withdrawal.out_bill_no,
            "channel": withdrawal.channel.value,
            "amount_fen": withdrawal.amount_fen,
            "fee_fen": withdrawal.fee_fen,
            "status": withdrawal.status.value,
            "requested_at": withdrawal.requested_at.isoformat(),
        }
        for withdrawal in session.scalars(mine)
    ]
    return exported
