"""What order sheets do about news from below."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from group_buy.sheets import leaving, service, taking, telling
from group_buy.sheets.events import SheetCancelled, SheetConfirmed, SheetFailed
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


def tell_members_when_sheet_confirmed(
    event: SheetConfirmed, *, session: Session, now: datetime
) -> None:
    """Tell the members on the sheet, and its leader."""
    telling.tell_confirmed(session, UUID(event.sheet_id), now=now)


def tell_members_when_sheet_failed(event: SheetFailed, *, session: Session, now: datetime) -> None:
    """Tell the members on the sheet, and its leader."""
    telling.tell_failed(session, UUID(event.sheet_id), now=now)


def tell_members_when_sheet_cancelled(
    event: SheetCancelled, *, session: Session, now: datetime
) -> None:
    """Tell the members on the sheet; its leader finds it in the inbox, too."""
    telling.tell_failed(session, UUID(event.sheet_id), now=now)
