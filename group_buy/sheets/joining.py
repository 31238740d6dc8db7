"""Ordering from a sheet: the next number of its list, and an order that waits for its decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from group_buy.sheets import queries
from group_buy.sheets.models import EntryStatus, OrderSheet, SheetEntry
from group_buy.sheets.rules import MOST_PER_MEMBER, TooManyEntries, check_takes_orders
from kit.faultpoints import faultpoint
from kit.ids import new_id
from shop.campaigns import stops
from shop.catalog.models import SaleChannel
from shop.orders import service as orders
from shop.orders.models import Order
from shop.orders.rules import Deal, LineWanted, SkuNotForSale


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Who orders what, through which channel, and how long they have to pay."""

    member_id: UUID
    sale_channel: SaleChannel
    wanted: Sequence[LineWanted]
    pay_within: timedelta


@dataclass(frozen=True, slots=True)
class Ordered:
    """An entry on a sheet, and the order that pays for it."""

    sheet: OrderSheet
    entry: SheetEntry
    order: Order


def order_from_sheet(session: Session, sheet_id: UUID, wish: Wish, *, now: datetime) -> Ordered:
    """Write down the next entry, under the sheet's lock, so that no two get one number.

    Raises `SheetNotFound`, `SheetOver`, `SheetFull`, `TooManyEntries`, `Paused` during an
    emergency stop, `SkuNotForSale` for what the sheet does not offer, or what placing an order
    raises.
    """
    sheet = queries.lock_sheet(session, sheet_id)
    check_takes_orders(sheet, now=now)
    stops.check_not_stopped(session)
    if queries.count_entries_of(session, sheet.id, wish.member_id) >= MOST_PER_MEMBER:
        raise TooManyEntries(most=MOST_PER_MEMBER)
    order = orders.place_order(
        session,
        member_id=wish.member_id,
        sale_channel=wish.sale_channel,
        wanted=wish.wanted,
        # Nobody may be paying for an entry when the sheet's time is over.
        pay_within=min(wish.pay_within, sheet.ends_at - now),
        deal=_deal(session, sheet, wish.wanted),
        now=now,
    )
    faultpoint("group_buy.sheets.joining.after_order")
    return Ordered(sheet, _write_down(session, sheet, order, now=now), order)


def _deal(session: Session, sheet: OrderSheet, wanted: Sequence[LineWanted]) -> Deal:
    items = queries.list_items(session, [sheet.id])[sheet.id]
    prices = {item.sku_id: item.price_fen for item in items}
    for line in wanted:
        if line.sku_id not in prices:
            raise SkuNotForSale(sku_id=str(line.sku_id))
    return Deal(name=sheet.title, prices=prices, is_held=True)


def _write_down(session: Session, sheet: OrderSheet, order: Order, *, now: datetime) -> SheetEntry:
    sheet.entries_count += 1
    entry = SheetEntry(
        id=new_id(),
        sheet_id=sheet.id,
        number=sheet.entries_count,
        after_number=sheet.entries_count - 1 or None,
        member_id=order.member_id,
        order_id=order.id,
        status=EntryStatus.HELD,
        total_fen=order.total_fen,
        joined_at=now,
    )
    session.add(entry)
    session.flush()  # the constraints have the last word before the answer is made
    return entry
