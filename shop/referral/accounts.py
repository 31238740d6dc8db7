"""A member's account as a whole, with what they did and earned by inviting."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.members.phones import PhoneBook
from shop.orders import accounts as orders
from shop.referral.models import CommissionEntry, Invite, Touch


def export_account(session: Session, phone_book: PhoneBook, *, member_id: UUID) -> dict[str, Any]:
    """Return everything we hold about the member as JSON; who invited them is a code, no name."""
    exported = orders.export_account(session, phone_book, member_id=member_id)
    invites = select(Invite).where(Invite.member_id == member_id).order_by(Invite.id)
    exported["invites"] = [
        {
            "code": invite.code,
            "campaign_id": None if invite.campaign_id is None else str(invite.campaign_id),
            "chat_group_id": None if invite.chat_group_id is None else str(invite.chat_group_id),
            "views": invite.views,
            "created_at": _text_of(invite.created_at),
        }
        for invite in session.scalars(invites)
    ]
    opened = (
        select(Touch, Invite.code)
        .join(Invite, Invite.id == Touch.invite_id)
        .where(Touch.member_id == member_id)
        .order_by(Touch.id)
    )
    exported["invites_opened"] = [
        {"code": code, "at": _text_of(touch.at)} for touch, code in session.execute(opened)
    ]
    entries = select(CommissionEntry).where(CommissionEntry.member_id == member_id)
    exported["earnings"] = [
        {
            "kind": entry.kind.value,
            "pending_fen": entry.pending_fen,
            "payable_fen": entry.payable_fen,
            "withdrawing_fen": entry.withdrawing_fen,
            "paid_fen": entry.paid_fen,
            "debt_fen": entry.debt_fen,
            "at": _text_of(entry.at),
        }
        for entry in session.scalars(entries.order_by(CommissionEntry.id))
    ]
    return exported


def _text_of(at: datetime) -> str:
    return at.isoformat()
