"""Turning rows of order sheets into what may be seen: honest totals and shortened names."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from group_buy.sheets import queries
from group_buy.sheets.models import EntryStatus, OrderSheet, SheetEntry, SheetItem, SheetStatus
from group_buy.sheets.rules import missing_fen
from kit.money import to_yuan
from miniprogram_api.group_views import short_name
from miniprogram_api.product_views import MOST_COUNTED
from miniprogram_api.schemas.groups import ShareOut
from miniprogram_api.schemas.sheets import (
    EntryOut,
    OwnSheetOut,
    SheetItemOut,
    SheetLineOut,
    SheetListedOut,
    SheetOut,
)
from shop.cards import counting
from shop.catalog.models import Product, Sku
from shop.members import queries as members
from shop.members.models import Member
from shop.orders import queries as orders
from shop.orders.models import OrderLine

NAMED: Final = (EntryStatus.HELD, EntryStatus.PAID, EntryStatus.RETURNED)
POLL_AFTER_MS: Final = 3000


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of a sheet, whose it is, and what they took."""

    entry: SheetEntry
    member: Member
    lines: Sequence[OrderLine]


def view_own_sheets(
    session: Session, sheets: Sequence[OrderSheet], *, now: datetime
) -> list[OwnSheetOut]:
    """Return a leader's sheets without their lists."""
    figures = _figures(session, sheets, now=now)
    return [
        OwnSheetOut(**figures[sheet.id], chat_group=sheet.chat_group, share=_share(sheet))
        for sheet in sheets
    ]


def view_sheet(session: Session, sheet: OrderSheet, *, now: datetime) -> SheetOut:
    """Return a sheet with its list, as everybody may see it."""
    leader = members.get_member(session, sheet.leader_id)
    return SheetOut(
        **_figures(session, [sheet], now=now)[sheet.id],
        leader_name=short_name(leader.nickname),
        entries=[_view_listed(listed) for listed in list_whole(session, sheet)],
        share=_share(sheet),
    )


def view_entry(entry: SheetEntry) -> EntryOut:
    """Return an entry for the member whose it is."""
    return EntryOut(
        id=entry.id,
        sheet_id=entry.sheet_id,
        number=entry.number,
        status=entry.status,
        order_id=entry.order_id,
        total_fen=entry.total_fen,
        joined_at=entry.joined_at,
        paid_at=entry.paid_at,
    )


def list_whole(session: Session, sheet: OrderSheet) -> list[Listed]:
    """Return every number of the sheet's list with its member and lines."""
    rows = session.execute(
        select(SheetEntry, Member)
        .join(Member, Member.id == SheetEntry.member_id)
        .where(SheetEntry.sheet_id == sheet.id)
        .order_by(SheetEntry.number)
    ).all()
    lines: dict[UUID, list[OrderLine]] = defaultdict(list)
    for line in orders.list_lines(session, [entry.order_id for entry, _ in rows]):
        lines[line.order_id].append(line)
    return [Listed(entry, member, lines[entry.order_id]) for entry, member in rows]


def poll_after(sheet: SheetOut) -> int | None:
    """Return when something new may be seen, in milliseconds; None when nothing comes any more."""
    return POLL_AFTER_MS if sheet.status is SheetStatus.OPEN else None


def _figures(
    session: Session, sheets: Sequence[OrderSheet], *, now: datetime
) -> dict[UUID, dict[str, Any]]:
    ids = [sheet.id for sheet in sheets]
    items = queries.list_items(session, ids)
    counts = queries.count_by_status(session, ids)
    sku_ids = list({item.sku_id for listed in items.values() for item in listed})
    offers = {
        sku.id: (sku, product)
        for sku, product in session.execute(
            select(Sku, Product)
            .join(Product, Product.id == Sku.product_id)
            .where(Sku.id.in_(sku_ids))
        )
    }
    stock = counting.count_free_up_to(session, sku_ids, most=MOST_COUNTED, now=now)
    return {
        sheet.id: {
            "id": sheet.id,
            "status": sheet.status,
            "title": sheet.title,
            "note": sheet.note,
            "minimum_fen": sheet.minimum_fen,
            "paid_fen": sheet.paid_fen,
            "missing_fen": missing_fen(sheet),
            "entries_paid": _count_paid(counts[sheet.id]),
            "entries_held": counts[sheet.id].get(EntryStatus.HELD, 0),
            "opened_at": sheet.opened_at,
            "ends_at": sheet.ends_at,
            "decided_at": sheet.decided_at,
            "items": [_view_item(item, *offers[item.sku_id], stock) for item in items[sheet.id]],
        }
        for sheet in sheets
    }


def _count_paid(counts: Mapping[EntryStatus, int]) -> int:
    # Of a sheet that failed they were paid, like its total, until all of it went back.
    return counts.get(EntryStatus.PAID, 0) + counts.get(EntryStatus.RETURNED, 0)


def _view_item(
    item: SheetItem, sku: Sku, product: Product, stock: Mapping[UUID, int]
) -> SheetItemOut:
    return SheetItemOut(
        sku_id=sku.id,
        product_id=product.id,
        product_title=product.title,
        sku_title=sku.title,
        picture=product.pictures[0] if product.pictures else None,
        face_value_fen=sku.face_value_fen,
        list_price_fen=sku.list_price_fen,
        price_fen=item.price_fen,
        stock_left=stock.get(sku.id, 0),
    )


def _view_listed(listed: Listed) -> SheetListedOut:
    is_named = listed.entry.status in NAMED
    return SheetListedOut(
        number=listed.entry.number,
        status=listed.entry.status,
        name=short_name(listed.member.nickname) if is_named else None,
        lines=[_view_line(line) for line in listed.lines] if is_named else [],
    )


def _view_line(line: OrderLine) -> SheetLineOut:
    return SheetLineOut(
        sku_id=line.sku_id, sku_title=line.snapshot["sku_title"], quantity=line.quantity
    )


def _share(sheet: OrderSheet) -> ShareOut:
    missing = missing_fen(sheet)
    short = f"，还差 {to_yuan(missing)} 元起送" if missing else ""
    return ShareOut(title=f"{sheet.title}{short}", path=f"pages/sheet/index?id={sheet.id}")
