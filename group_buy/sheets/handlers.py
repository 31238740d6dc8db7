"""What order sheets do about news from below."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from group_buy.sheets import leaving, service, taking
from shop.members.events import MembersJoined
from shop.orders.events import OrderClosed, OrderPaid


def take_entry_when_paid(event: OrderPaid, *, session: Session, now: datetime) -> None:
    """Count the entry as paid that the order was placed for."""
    taking.take_paid_entry(session, UUID(event.order_id), now=now)


def let_entry_lapse_when_closed(event: OrderClosed, *, session: Session, now: datetime) -> None:
    """Give up the entry whose order closed unpaid."""
    leaving.let_entry_lapse(session, UUID(event.order_id), now=now)


def reassign_sheets_when_joined(event: MembersJoined, *, session: Session, now: datetime) -> None:
    """Give the joined member's sheets and entries to the member they became part of."""
    service.reassign(
        session, from_member_id=UUID(event.from_id), into_member_id=UUID(event.into_id)
    )
