"""The end of a sheet: by its deadline or its leader, all of it is delivered, or all is repaid."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Table, inspect
from sqlalchemy.orm import Session

from group_buy.sheets import queries, taking
from group_buy.sheets.events import SheetCancelled, SheetConfirmed, SheetFailed
from group_buy.sheets.models import (
    ENTRY_LIFECYCLE,
    EntryStatus,
    OrderSheet,
    SheetEntry,
    SheetStatus,
)
from group_buy.sheets.rules import MinimumNotMet, SheetOver, is_minimum_met, missing_fen
from kit.faultpoints import faultpoint
from kit.lifecycle import move, move_many
from kit.outbox import Event, emit
from kit.sweep import is_due, postpone, settle
from shop.orders import holding
from shop.orders import service as orders
from shop.orders.models import Order, OrderStatus
from shop.payments.models import RefundReason

ENTRIES: Final[Table] = inspect(SheetEntry).local_table  # type: ignore[assignment] # a mapped class's is one
# While a trade of the sheet is being closed at the platform it may yet turn out paid in time.
LOOK_AGAIN_AFTER: Final = timedelta(seconds=1)

_TOLD: Final = {
    SheetStatus.CONFIRMED: SheetConfirmed,
    SheetStatus.FAILED: SheetFailed,
    SheetStatus.CANCELLED: SheetCancelled,
}


def decide_sheet(session: Session, sheet_id: UUID, *, now: datetime) -> None:
    """Confirm or fail a sheet whose time is over, once no payment for it is on its way."""
    sheet = queries.lock_sheet(session, sheet_id)
    if sheet.status is not SheetStatus.OPEN or not is_due(sheet, now=now):
        return  # another sweep was first, or its leader
    if _take_in(session, sheet, now=now):
        postpone(sheet, "a payment is being settled", now=now, by=LOOK_AGAIN_AFTER)
        return
    to = SheetStatus.CONFIRMED if is_minimum_met(sheet) else SheetStatus.FAILED
    _end(session, sheet, to, actor="scheduler", now=now)


def close_sheet(session: Session, sheet_id: UUID, *, leader_id: UUID, now: datetime) -> OrderSheet:
    """Confirm a sheet before its time, at its leader's word; what is not paid is cancelled.

    Raises `SheetNotFound`, `NotYourSheet`, `SheetOver` or `MinimumNotMet`.
    """
    sheet = _lock_running(session, sheet_id, leader_id, now=now)
    unpaid = _take_in(session, sheet, now=now)
    if not is_minimum_met(sheet):
        raise MinimumNotMet(missing_fen=missing_fen(sheet))
    _end(session, sheet, SheetStatus.CONFIRMED, unpaid, actor="leader", now=now)
    return sheet


def cancel_sheet(session: Session, sheet_id: UUID, *, leader_id: UUID, now: datetime) -> OrderSheet:
    """Call a sheet off at its leader's word: everybody is repaid.

    Raises `SheetNotFound`, `NotYourSheet` or `SheetOver`.
    """
    sheet = _lock_running(session, sheet_id, leader_id, now=now)
    unpaid = _take_in(session, sheet, now=now)
    _end(session, sheet, SheetStatus.CANCELLED, unpaid, actor="leader", now=now)
    return sheet


def _lock_running(
    session: Session, sheet_id: UUID, leader_id: UUID, *, now: datetime
) -> OrderSheet:
    sheet = queries.lock_own_sheet(session, sheet_id, leader_id=leader_id)
    # From its deadline on a sheet is decided by what was paid, and by nobody's wish.
    if sheet.status is not SheetStatus.OPEN or now >= sheet.ends_at:
        raise SheetOver(status=sheet.status.value)
    return sheet


def _take_in(session: Session, sheet: OrderSheet, *, now: datetime) -> list[Order]:
    """Count payments whose news is on its way; return the orders, locked, that may yet be paid."""
    waiting = []
    for entry, order in queries.lock_held(session, sheet.id):
        if order.status is OrderStatus.PENDING:
            waiting.append(order)
        # Who paid too late is repaid when the news of it is handled.
        elif order.status is OrderStatus.PAID and taking.is_in_time(session, sheet, entry):
            taking.pay_entry(session, sheet, entry, now=now)
    return waiting


def _end(
    session: Session,
    sheet: OrderSheet,
    to: SheetStatus,
    unpaid: Sequence[Order] = (),
    *,
    actor: str,
    now: datetime,
) -> None:
    paid = queries.list_entries(session, sheet.id, statuses=[EntryStatus.PAID])
    order_ids = [entry.order_id for entry in paid]
    sheet.decided_at = now
    move(session, sheet, to, at=now, actor=actor)
    settle(sheet)
    session.flush()  # the statements below read the rows
    _move_entries(session, sheet, EntryStatus.HELD, EntryStatus.LAPSED, actor=actor, now=now)
    for order in unpaid:
        orders.cancel_order(session, order, now=now)
    faultpoint("group_buy.sheets.deciding.before_money")
    if to is SheetStatus.CONFIRMED:
        holding.release_held(session, order_ids, now=now)
    else:
        _move_entries(session, sheet, EntryStatus.PAID, EntryStatus.RETURNED, actor=actor, now=now)
        holding.refund_held(session, order_ids, reason=RefundReason.SHEET_FAILED, now=now)
    told: Event = _TOLD[to](str(sheet.id), str(sheet.leader_id), len(paid))
    emit(session, told, now=now)


def _move_entries(
    session: Session,
    sheet: OrderSheet,
    old: EntryStatus,
    to: EntryStatus,
    *,
    actor: str,
    now: datetime,
) -> None:
    of_sheet = ENTRIES.c.sheet_id == sheet.id
    move_many(session, ENTRIES, ENTRY_LIFECYCLE, of_sheet, old=old, to=to, at=now, actor=actor)
