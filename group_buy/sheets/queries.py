"""Reading order sheets and their entries, and locking a sheet to change it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from group_buy.sheets.models import EntryStatus, OrderSheet, SheetEntry, SheetItem
from kit.errors import Forbidden, NotFound
from kit.pages import Page, read_page
from shop.orders.models import Order

LIVE = (EntryStatus.HELD, EntryStatus.PAID)


class SheetNotFound(NotFound):
    """There is no such order sheet."""

    code = "group_buy.sheet_not_found"
    title = "Order sheet not found"
    message = "没有找到该接龙"


class NotYourSheet(Forbidden):
    """Everybody may see the sheet, and only the leader who opened it may do this."""

    code = "group_buy.not_your_sheet"
    title = "Only the leader who opened the order sheet may do this"
    message = "仅限发起该接龙的团长操作"


class NotOnSheet(NotFound):
    """The member has no entry on the sheet."""

    code = "group_buy.not_on_sheet"
    title = "You have no entry on this order sheet"
    message = "您未参加该接龙"


def get_sheet(session: Session, sheet_id: UUID) -> OrderSheet:
    """Return the sheet; raises `SheetNotFound`."""
    sheet = session.get(OrderSheet, sheet_id)
    if sheet is None:
        raise SheetNotFound
    return sheet


def get_own_sheet(session: Session, sheet_id: UUID, *, leader_id: UUID) -> OrderSheet:
    """Return the leader's sheet; raises `SheetNotFound` or `NotYourSheet`."""
    sheet = get_sheet(session, sheet_id)
    if sheet.leader_id != leader_id:
        raise NotYourSheet
    return sheet


def lock_sheet(session: Session, sheet_id: UUID) -> OrderSheet:
    """Return the sheet, locked and fresh; raises `SheetNotFound`."""
    sheet = session.get(OrderSheet, sheet_id, with_for_update=True, populate_existing=True)
    if sheet is None:
        raise SheetNotFound
    return sheet


def lock_own_sheet(session: Session, sheet_id: UUID, *, leader_id: UUID) -> OrderSheet:
    """Return the leader's sheet, locked and fresh; raises `SheetNotFound` or `NotYourSheet`."""
    get_own_sheet(session, sheet_id, leader_id=leader_id)  # no lock on somebody else's sheet
    return lock_sheet(session, sheet_id)


def lock_sheets_of(session: Session, member_id: UUID) -> Sequence[OrderSheet]:
    """Return every sheet that the member opened or has an entry on, locked by ascending id."""
    mine = select(SheetEntry.sheet_id).where(SheetEntry.member_id == member_id)
    return session.scalars(
        select(OrderSheet)
        .where(or_(OrderSheet.leader_id == member_id, OrderSheet.id.in_(mine)))
        .order_by(OrderSheet.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def list_sheets(
    session: Session, leader_id: UUID, *, cursor: str | None = None, limit: int = 20
) -> Page[OrderSheet]:
    """Return a page of the leader's sheets, newest first."""
    query = select(OrderSheet).where(OrderSheet.leader_id == leader_id)
    return read_page(session, query, OrderSheet.id, cursor=cursor, limit=limit)


def list_items(session: Session, sheet_ids: Collection[UUID]) -> Mapping[UUID, Sequence[SheetItem]]:
    """Return sheet id → its items in order."""
    rows = session.scalars(
        select(SheetItem)
        .where(SheetItem.sheet_id.in_(sheet_ids))
        .order_by(SheetItem.sheet_id, SheetItem.position)
    )
    found: dict[UUID, list[SheetItem]] = {sheet_id: [] for sheet_id in sheet_ids}
    for item in rows:
        found[item.sheet_id].append(item)
    return found


def list_entries(
    session: Session,
    sheet_id: UUID,
    *,
    statuses: Collection[EntryStatus] = tuple(EntryStatus),
    member_id: UUID | None = None,
) -> Sequence[SheetEntry]:
    """Return the sheet's entries by number; of `member_id` alone when it is given."""
    query = select(SheetEntry).where(
        SheetEntry.sheet_id == sheet_id, SheetEntry.status.in_(statuses)
    )
    if member_id is not None:
        query = query.where(SheetEntry.member_id == member_id)
    return session.scalars(
        query.order_by(SheetEntry.number).execution_options(populate_existing=True)
    ).all()


def find_entry_of_order(session: Session, order_id: UUID) -> SheetEntry | None:
    """Return the entry that an order was placed for, fresh, or None."""
    return session.scalars(
        select(SheetEntry)
        .where(SheetEntry.order_id == order_id)
        .execution_options(populate_existing=True)
    ).one_or_none()


def lock_held(session: Session, sheet_id: UUID) -> Sequence[tuple[SheetEntry, Order]]:
    """Return the sheet's unpaid entries and their orders, locked by ascending id, fresh."""
    rows = session.execute(
        select(SheetEntry, Order)
        .join(Order, Order.id == SheetEntry.order_id)
        .where(SheetEntry.sheet_id == sheet_id, SheetEntry.status == EntryStatus.HELD)
        .order_by(Order.id)
        .with_for_update(of=Order)
        .execution_options(populate_existing=True)
    )
    return [(entry, order) for entry, order in rows]


def count_entries_of(session: Session, sheet_id: UUID, member_id: UUID) -> int:
    """Count the entries that the member ever wrote down on the sheet."""
    return (
        session.scalar(
            select(func.count())
            .select_from(SheetEntry)
            .where(SheetEntry.sheet_id == sheet_id, SheetEntry.member_id == member_id)
        )
        or 0
    )


def count_by_status(
    session: Session, sheet_ids: Collection[UUID]
) -> Mapping[UUID, Mapping[EntryStatus, int]]:
    """Return sheet id → how many of its entries have each status."""
    rows = session.execute(
        select(SheetEntry.sheet_id, SheetEntry.status, func.count())
        .where(SheetEntry.sheet_id.in_(sheet_ids))
        .group_by(SheetEntry.sheet_id, SheetEntry.status)
    )
    found: dict[UUID, dict[EntryStatus, int]] = {sheet_id: {} for sheet_id in sheet_ids}
    for sheet_id, status, count in rows:
        found[sheet_id][status] = int(count)
    return found


def due_sheets(now: datetime) -> Select[UUID]:
    """Select the ids of sheets whose time is over, longest due first."""
    return (
        select(OrderSheet.id)
        .where(OrderSheet.due_at <= now)
        .order_by(OrderSheet.due_at, OrderSheet.id)
    )
