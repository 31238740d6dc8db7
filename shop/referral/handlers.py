"""What referral does about news from below."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from shop.members.events import AccountClosed, MembersJoined
from shop.orders.events import OrderPaid, OrderRefunded
from shop.referral import commissions, service
from shop.referral.earning import lock_earnings
from shop.referral.giving_up import give_up_if_closed


def attribute_order_when_paid(event: OrderPaid, *, session: Session, now: datetime) -> None:
    """Owe the order to whoever brought its member, and let a leader earn on it."""
    service.attribute_order(session, UUID(event.order_id), now=now)


def claw_back_when_refunded(event: OrderRefunded, *, session: Session, now: datetime) -> None:
    """Take back what was earned on whatever came back."""
    commissions.adjust_order(session, UUID(event.order_id), now=now)


def reassign_earnings_when_joined(event: MembersJoined, *, session: Session, now: datetime) -> None:
    """Give the joined member's invites and earnings to the member they became part of."""
    service.reassign(session, gone_id=UUID(event.from_id), kept_id=UUID(event.into_id), now=now)


def give_up_earnings_when_closed(event: AccountClosed, *, session: Session, now: datetime) -> None:
    """Write back what whoever closed their account had coming and was not paid."""
    give_up_if_closed(session, lock_earnings(session, UUID(event.member_id)), now=now)
