"""Approvals: what waits for me, what I asked for, what is over; one request, and deciding it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from flask import redirect, render_template, request, url_for
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from console import asked
from console.acting import Deed, acting
from console.door import doer, make_room, may, operator, permissions
from console.ports import actions, now, ports
from kit.errors import DomainError
from shop.approvals import queries, service
from shop.approvals.models import Approval, ApprovalKind, ApprovalStatus
from shop.approvals.rules import check_decider, decidable, state_of
from shop.cards import queries as cards
from shop.cards.exporting import fetched_until
from shop.operators import queries as operators
from shop.operators.rules import Permission

PAGE: Final = 30
# What is asked for → the page of its subject, and the permission for that page.
PLACES: Final = {
    ApprovalKind.REFUND: ("console_orders.show", "order_id", Permission.ORDERS),
    ApprovalKind.PUBLISH: ("console_campaigns.show", "campaign_id", Permission.CAMPAIGNS),
    ApprovalKind.UNDO_BATCH: ("console_batches.show", "batch_id", Permission.STOCK),
    ApprovalKind.EXPORT_CODES: ("console_batches.show", "batch_id", Permission.STOCK),
    ApprovalKind.ADD_SKU: ("console_products.show", "product_id", Permission.CATALOG),
    ApprovalKind.CHANGE_SKU: ("console_skus.show", "sku_id", Permission.CATALOG),
}

blueprint = make_room("approvals")


class Shelf(StrEnum):
    """Which requests a list shows."""

    FOR_ME = "for_me"
    MINE = "mine"
    WAITING = "waiting"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a request would do now, or why that is refused; and why I may not decide it, if so."""

    foreseen: Mapping[str, Any] | None = None
    obstacle: DomainError | None = None
    bar: DomainError | None = None


@blueprint.get("/approvals")
@may(Permission.APPROVALS)
def list_all() -> str:
    """Show the requests of one shelf, newest first."""
    shelf = asked.choice_of(Shelf, "shelf") or Shelf.FOR_ME
    kind = asked.choice_of(ApprovalKind, "kind")
    at = now()
    kinds = decidable(actions(), permissions())
    with ports().begin() as session:
        conditions = _conditions(shelf, kinds, at)
        if kind is not None:
            conditions.append(Approval.kind == kind)
        page = queries.list_chosen(session, conditions, cursor=asked.cursor(), limit=PAGE)
        return render_template(
            "console/approvals.html",
            page=page,
            names=_names(session, page.items),
            shelf=shelf,
            shelves=Shelf,
            kind=kind,
            kinds=ApprovalKind,
            waiting=queries.count_waiting_for(session, operator(), kinds, now=at),
            decides=bool(kinds),
        )


@blueprint.get("/approvals/<uuid:approval_id>")
@may(Permission.APPROVALS)
def show(approval_id: UUID) -> str:
    """Show one request, with what it would do now."""
    return page_of(approval_id)


def page_of(approval_id: UUID, *, refusal: DomainError | None = None) -> str:
    """Return the page of a request, and why its codes were not handed out, if so."""
    with ports().begin() as session:
        approval = queries.get_approval(session, approval_id)
        outlook = Outlook()
        if approval.status is ApprovalStatus.WAITING:
            outlook = _look_ahead(session, approval)
        return render_template(
            "console/approval.html",
            approval=approval,
            names=_names(session, [approval]),
            is_mine=approval.asked_by_id == operator().id,
            place=_place_of(approval),
            outlook=outlook,
            deeds_rows=operators.list_actions(session, subject=str(approval.id), limit=20).items,
            export=cards.find_export(session, approval.id),
            fetched_until=fetched_until(approval),
            refusal=refusal,
            now=now(),
        )


@blueprint.post("/approvals/<uuid:approval_id>/approve")
@may(Permission.APPROVE)
def approve(approval_id: UUID) -> Response:
    """Carry it out as the second person; if the shop refuses it by now, it ends as failed."""
    with _deciding("approvals.approve", approval_id) as deed:
        found = service.approve(
            deed.session, approval_id, actions=actions(), doer=doer(), now=deed.now
        )
        deed.after = state_of(found)
    return _back(approval_id)


@blueprint.post("/approvals/<uuid:approval_id>/refuse")
@may(Permission.APPROVE)
def refuse(approval_id: UUID) -> Response:
    """Say no, and why."""
    why = request.form.get("why", "")
    with _deciding("approvals.refuse", approval_id) as deed:
        found = service.refuse(
            deed.session, approval_id, why=why, actions=actions(), doer=doer(), now=deed.now
        )
        deed.after = state_of(found)
    return _back(approval_id)


@blueprint.post("/approvals/<uuid:approval_id>/withdraw")
@may(Permission.APPROVALS)
def withdraw(approval_id: UUID) -> Response:
    """Take one's own request back."""
    with _deciding("approvals.withdraw", approval_id) as deed:
        found = service.withdraw(deed.session, approval_id, doer=doer(), now=deed.now)
        deed.after = state_of(found)
    return _back(approval_id)


@contextmanager
def _deciding(action: str, approval_id: UUID) -> Iterator[Deed]:
    with acting(action, "approval", str(approval_id)) as deed:
        deed.before = state_of(queries.lock_approval(deed.session, approval_id))
        yield deed


def _conditions(
    shelf: Shelf, kinds: Sequence[ApprovalKind], at: datetime
) -> list[ColumnElement[bool]]:
    if shelf is Shelf.FOR_ME:
        return queries.waiting_for(operator(), kinds, now=at)
    if shelf is Shelf.MINE:
        return [queries.is_of(operator())]
    return [queries.is_over() if shelf is Shelf.OVER else ~queries.is_over()]


def _look_ahead(session: Session, approval: Approval) -> Outlook:
    action, foreseen, obstacle, bar = actions()[approval.kind], None, None, None
    try:
        foreseen = action.foresee(session, approval, now())
    except DomainError as refusal:
        obstacle = refusal
    try:
        check_decider(approval, operator(), action)
    except DomainError as refusal:
        bar = refusal
    return Outlook(foreseen, obstacle, bar)


def _names(session: Session, found: Sequence[Approval]) -> dict[UUID, str]:
    asked_by = {one.asked_by_id for one in found}
    decided_by = {one.decided_by_id for one in found if one.decided_by_id is not None}
    return operators.list_names(session, asked_by | decided_by)


def _place_of(approval: Approval) -> str | None:
    """Return the page of what it is done to, if whoever looks may see that."""
    endpoint, name, needs = PLACES[approval.kind]
    if needs not in permissions():
        return None
    # What is only to be made has no page yet, but is asked for with the id of what it is part of.
    values: dict[str, Any] = {name: approval.arguments.get(name, approval.subject)}
    return url_for(endpoint, **values)


def _back(approval_id: UUID) -> Response:
    return redirect(url_for("console_approvals.show", approval_id=approval_id), code=303)
