"""What the pages of groups and order sheets read: seats, orders, refunds, what happened."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from group_buy.models import Group, GroupStatus, HouseCompletion, Seat
from group_buy.sheets.models import MOST_ENTRIES, OrderSheet, SheetEntry, SheetItem, SheetStatus
from kit.lifecycle import StatusChange
from kit.pages import Page, read_page
from shop.campaigns.models import Campaign
from shop.catalog.models import Sku
from shop.orders.models import Order
from shop.payments.models import Refund, RefundStatus

PAGE: Final = 30
MOST_SOON: Final = 50
MOST_SEATS_SHOWN: Final = 400  # of a group with 200, those that lapsed or were left, too
MOST_STEPS: Final = 200


@dataclass(frozen=True, slots=True)
class GroupChoice:
    """What a list of groups is narrowed by."""

    status: GroupStatus | None
    campaign_id: UUID | None
    is_soon: bool  # open ones, those that end soonest first
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """One change of status, of the group or of one of its seats."""

    change: StatusChange
    seat_no: int | None


def list_groups(session: Session, choice: GroupChoice) -> Page[Group]:
    """Return a page of groups, newest first, or those open ones that end soonest."""
    query = select(Group)
    if choice.campaign_id is not None:
        query = query.where(Group.campaign_id == choice.campaign_id)
    if choice.is_soon:
        soonest = query.where(Group.status == GroupStatus.OPEN, Group.due_at.is_not(None))
        rows = session.scalars(soonest.order_by(Group.due_at, Group.id).limit(MOST_SOON)).all()
        return Page(rows, None)
    if choice.status is not None:
        is_so = func.lower(Group.status) == choice.status.value
        query = query.where(Group.status == choice.status if choice.campaign_id else is_so)
    return read_page(session, query, Group.id, cursor=choice.cursor, limit=PAGE)


def list_sheets(
    session: Session, status: SheetStatus | None, leader_id: UUID | None, cursor: str | None
) -> Page[OrderSheet]:
    """Return a page of order sheets, newest first."""
    query = select(OrderSheet)
    if leader_id is not None:
        query = query.where(OrderSheet.leader_id == leader_id)
    if status is not None:
        is_so = func.lower(OrderSheet.status) == status.value
        query = query.where(OrderSheet.status == status if leader_id else is_so)
    return read_page(session, query, OrderSheet.id, cursor=cursor, limit=PAGE)


def name_campaigns(session: Session, campaign_ids: Collection[UUID]) -> Mapping[UUID, str]:
    """Return campaign id → name."""
    rows = session.execute(
        select(Campaign.id, Campaign.name).where(Campaign.id.in_(set(campaign_ids)))
    )
    return dict(rows.all())


def find_completions(
    session: Session, group_ids: Collection[UUID]
) -> Mapping[UUID, HouseCompletion]:
    """Return group id → what somebody asked the house for."""
    rows = session.scalars(select(HouseCompletion).where(HouseCompletion.group_id.in_(group_ids)))
    return {row.group_id: row for row in rows}


def list_seats(session: Session, group_id: UUID) -> list[tuple[Seat, Order]]:
    """Return every seat that was ever taken, with the order that pays for it, by number."""
    rows = session.execute(
        select(Seat, Order)
        .join(Order, Order.id == Seat.order_id)
        .where(Seat.group_id == group_id)
        .order_by(Seat.seat_no, Seat.id)
        .limit(MOST_SEATS_SHOWN)
    )
    return [(seat, order) for seat, order in rows]


def list_group_steps(
    session: Session, group: Group, seats: Sequence[tuple[Seat, Order]]
) -> list[Step]:
    """Return what happened to a group and its seats, the latest first."""
    numbers = {seat.id: seat.seat_no for seat, _order in seats}
    changes = session.scalars(
        select(StatusChange)
        .where(StatusChange.row_id.in_([group.id, *numbers]))
        .order_by(StatusChange.seq.desc())
        .limit(MOST_STEPS)
    )
    return [Step(change, numbers.get(change.row_id)) for change in changes]


def find_refunds(session: Session, orders: Collection[Order]) -> Mapping[UUID, list[Refund]]:
    """Return order id → its refunds."""
    found: dict[UUID, list[Refund]] = {}
    rows = session.scalars(
        select(Refund).where(Refund.order_id.in_([one.id for one in orders])).order_by(Refund.id)
    )
    for refund in rows:
        found.setdefault(refund.order_id, []).append(refund)
    return found


def sum_refunds(refunds: Mapping[UUID, Sequence[Refund]]) -> dict[str, int]:
    """Return how much is on its way back, and how much has arrived."""
    every = [one for some in refunds.values() for one in some]
    done = sum(one.amount_fen for one in every if one.status is RefundStatus.DONE)
    return {"count": len(every), "done_fen": done, "all_fen": sum(one.amount_fen for one in every)}


def list_sheet_items(session: Session, sheet_id: UUID) -> list[tuple[SheetItem, str]]:
    """Return what a sheet offers, with the names of the SKUs."""
    rows = session.execute(
        select(SheetItem, Sku.title)
        .join(Sku, Sku.id == SheetItem.sku_id)
        .where(SheetItem.sheet_id == sheet_id)
        .order_by(SheetItem.position)
    )
    return [(item, title) for item, title in rows]


def list_entries(session: Session, sheet_id: UUID) -> list[tuple[SheetEntry, Any]]:
    """Return a sheet's entries with their orders, by number."""
    rows = session.execute(
        select(SheetEntry, Order)
        .join(Order, Order.id == SheetEntry.order_id)
        .where(SheetEntry.sheet_id == sheet_id)
        .order_by(SheetEntry.number)
        .limit(MOST_ENTRIES)
    )
    return [(entry, order) for entry, order in rows]
