"""What a payment does to a sheet: it counts in time, and is given back when it comes too late."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from group_buy.sheets import queries
from group_buy.sheets.models import EntryStatus, OrderSheet, SheetEntry, SheetStatus
from kit.faultpoints import faultpoint
from kit.lifecycle import move
from kit.money import Fen
from shop.orders import holding
from shop.orders import queries as orders
from shop.orders.models import OrderStatus
from shop.payments import queries as payments
from shop.payments.models import RefundReason


def take_paid_entry(session: Session, order_id: UUID, *, now: datetime) -> None:
    """Apply that an order was paid to its entry; repeats change nothing.

    A payment in time counts. One that came after the deadline or after the sheet was decided, or
    for an entry that was given up, goes back.
    """
    entry = queries.find_entry_of_order(session, order_id)
    if entry is None:
        return  # not an order of a sheet
    sheet = queries.lock_sheet(session, entry.sheet_id)
    entry = queries.find_entry_of_order(session, order_id)
    order = orders.lock_order(session, order_id)
    is_waiting = order.status is OrderStatus.PAID and order.is_held
    if entry is None or entry.status is EntryStatus.PAID or not is_waiting:
        return
    is_taken = entry.status in (EntryStatus.HELD, EntryStatus.LAPSED)
    if sheet.status is SheetStatus.OPEN and is_taken and is_in_time(session, sheet, entry):
        pay_entry(session, sheet, entry, now=now)
        return
    if entry.status is EntryStatus.HELD:
        # Its trade was still open when the sheet's time was over, and was paid after that.
        move(session, entry, EntryStatus.LAPSED, at=now, actor="payment")
    holding.refund_held(session, [order.id], reason=RefundReason.GROUP_LATE, now=now)


def is_in_time(session: Session, sheet: OrderSheet, entry: SheetEntry) -> bool:
    """Say whether the entry was paid before the sheet's deadline, whenever we hear of it."""
    paying = payments.get_paying(session, entry.order_id)
    return paying.captured_at is not None and paying.captured_at < sheet.ends_at


def pay_entry(session: Session, sheet: OrderSheet, entry: SheetEntry, *, now: datetime) -> None:
    """Count an entry as paid; the caller holds the locks of the sheet and of the paid order."""
    entry.paid_at = now
    move(session, entry, EntryStatus.PAID, at=now, actor="payment")
    sheet.paid_fen = Fen(sheet.paid_fen + entry.total_fen)
    faultpoint("group_buy.sheets.taking.after_entry_paid")
