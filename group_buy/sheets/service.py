"""Opening an order sheet, and handing sheets on when two members become one."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from group_buy.sheets import queries
from group_buy.sheets.events import SheetOpened
from group_buy.sheets.models import OrderSheet, SheetEntry, SheetItem, SheetStatus
from group_buy.sheets.rules import (
    NotHelpSold,
    SheetPlan,
    check_plan,
    check_price,
    clean_chat_group,
    clean_note,
    clean_title,
)
from kit.ids import new_id
from kit.outbox import emit
from shop.campaigns import stops
from shop.catalog import queries as catalog
from shop.members import leaders


def open_sheet(session: Session, leader_id: UUID, plan: SheetPlan, *, now: datetime) -> OrderSheet:
    """Open a sheet at the leader's prices, which stand from now on.

    Raises `NotALeader`, `MemberNotActive`, `Paused` during an emergency stop, `BadSheet`,
    `NotHelpSold` or `PriceOutsideBand`.
    """
    leaders.lock_leader(session, leader_id)
    stops.check_not_stopped(session)
    check_plan(plan, now=now)
    ends_at = plan.ends_at.astimezone(UTC)  # whatever the leader's clock shows
    sheet = OrderSheet(
        id=new_id(),
        leader_id=leader_id,
        status=SheetStatus.OPEN,
        title=clean_title(plan.title),
        note=clean_note(plan.note),
        chat_group=clean_chat_group(plan.chat_group),
        minimum_fen=plan.minimum_fen,
        opened_at=now,
        ends_at=ends_at,
        due_at=ends_at,
    )
    session.add(sheet)
    session.flush()  # the items name the sheet
    _add_items(session, sheet, plan)
    emit(session, SheetOpened(str(sheet.id), str(leader_id)), now=now)
    return sheet


def reassign(session: Session, *, from_member_id: UUID, into_member_id: UUID) -> None:
    """Give one member's sheets and entries to the member they became part of."""
    # Whoever changes an entry holds its sheet's lock, so nobody waits for two of them crosswise.
    queries.lock_sheets_of(session, from_member_id)
    session.execute(
        update(OrderSheet)
        .where(OrderSheet.leader_id == from_member_id)
        .values(leader_id=into_member_id)
    )
    session.execute(
        update(SheetEntry)
        .where(SheetEntry.member_id == from_member_id)
        .values(member_id=into_member_id)
    )


def _add_items(session: Session, sheet: OrderSheet, plan: SheetPlan) -> None:
    sku_ids = [offer.sku_id for offer in plan.offers]
    skus = {sku.id: sku for sku, _ in catalog.list_published_skus(session, sku_ids)}
    for position, offer in enumerate(plan.offers):
        if offer.sku_id not in skus:
            raise NotHelpSold(sku_id=str(offer.sku_id))
        lowest, highest = check_price(skus[offer.sku_id], offer.price_fen)
        session.add(
            SheetItem(
                id=new_id(),
                sheet_id=sheet.id,
                sku_id=offer.sku_id,
                position=position,
                price_fen=offer.price_fen,
                band_min_fen=lowest,
                band_max_fen=highest,
            )
        )
    session.flush()  # what follows reads the items
