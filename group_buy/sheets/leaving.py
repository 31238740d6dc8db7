"""Entries that are given up: the member leaves, or does not pay in time."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from group_buy.sheets import queries
from group_buy.sheets.models import EntryStatus, OrderSheet, SheetEntry
from group_buy.sheets.rules import check_open
from kit.lifecycle import move
from kit.money import Fen
from shop.orders import holding
from shop.orders import queries as orders_queries
from shop.orders import service as orders
from shop.orders.models import OrderStatus
from shop.payments.models import RefundReason


def leave_sheet(session: Session, sheet_id: UUID, *, member_id: UUID, now: datetime) -> OrderSheet:
    """Give up the member's entries: unpaid orders are cancelled, paid ones refunded.

    Their numbers stay theirs. Raises `SheetNotFound`, `NotOnSheet`, or `SheetOver` once the sheet
    is decided.
    """
    sheet = queries.lock_sheet(session, sheet_id)
    mine = queries.list_entries(session, sheet_id, statuses=queries.LIVE, member_id=member_id)
    if not mine:
        raise queries.NotOnSheet
    check_open(sheet)
    for entry in mine:
        _give_up(session, sheet, entry, now=now)
    return sheet


def let_entry_lapse(session: Session, order_id: UUID, *, now: datetime) -> None:
    """Give up the entry of an order that closed unpaid; repeats change nothing."""
    entry = queries.find_entry_of_order(session, order_id)
    if entry is None:
        return  # not an order of a sheet
    queries.lock_sheet(session, entry.sheet_id)
    entry = queries.find_entry_of_order(session, order_id)
    order = orders_queries.lock_order(session, order_id)
    # A payment that arrived after all may have revived the order in the meantime.
    is_closed = order.status is OrderStatus.CLOSED
    if entry is not None and entry.status is EntryStatus.HELD and is_closed:
        move(session, entry, EntryStatus.LAPSED, at=now, actor="orders")


def _give_up(session: Session, sheet: OrderSheet, entry: SheetEntry, *, now: datetime) -> None:
    order = orders_queries.lock_order(session, entry.order_id)
    if entry.status is EntryStatus.PAID:
        sheet.paid_fen = Fen(sheet.paid_fen - entry.total_fen)
    move(session, entry, EntryStatus.LEFT, at=now, actor="member")
    if order.status is OrderStatus.PENDING:
        orders.cancel_order(session, order, now=now)
    elif order.status is OrderStatus.PAID:
        holding.refund_held(session, [order.id], reason=RefundReason.LEFT, now=now)
