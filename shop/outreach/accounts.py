"""A member's account as a whole, with what they were told and may be sent."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.chat_groups import queries as chat_groups
from shop.members.phones import PhoneBook
from shop.outreach.inbox.models import InboxMessage, SubscribeGrant
from shop.outreach.inbox.service import list_muted
from shop.withdrawals import accounts as withdrawals


def export_account(session: Session, phone_book: PhoneBook, *, member_id: UUID) -> dict[str, Any]:
    """Return everything we hold about the member as JSON; keys of robots are not theirs."""
    exported = withdrawals.export_account(session, phone_book, member_id=member_id)
    messages = select(InboxMessage).where(InboxMessage.member_id == member_id)
    exported["messages"] = [
        {
            "kind": message.kind.value,
            "title": message.title,
            "body": message.body,
            "at": message.created_at.isoformat(),
            "read_at": None if message.read_at is None else message.read_at.isoformat(),
        }
        for message in session.scalars(messages.order_by(InboxMessage.id))
    ]
    exported["muted_kinds"] = [kind.value for kind in list_muted(session, member_id)]
    grants = select(SubscribeGrant).where(SubscribeGrant.member_id == member_id)
    exported["subscribe_grants"] = [
        {
            "template_id": grant.template_id,
            "status": grant.status.value,
            "at": grant.granted_at.isoformat(),
        }
        for grant in session.scalars(grants.order_by(SubscribeGrant.id))
    ]
    exported["chat_groups"] = [
        {"name": group.name, "channel": group.channel.value, "at": group.created_at.isoformat()}
        for group in chat_groups.list_of_leader(session, member_id)
    ]
    return exported
