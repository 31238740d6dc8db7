"""One batch: its cards, what became of them, codes that left the house; and one card's story."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from flask import redirect, render_template, request
from flask_babel import gettext as _
from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from console.acting import acting, send_for_approval
from console.door import make_room, may
from console.ports import ports
from console.words import label
from kit.errors import DomainError
from kit.lifecycle import StatusChange
from shop.approvals import queries as approvals
from shop.approvals.models import Approval, ApprovalKind
from shop.approvals.rules import Wanted
from shop.cards import exporting, queries
from shop.cards.models import Batch, Card, CodeExport, Reveal
from shop.cards.queries import BatchNotFound
from shop.catalog.models import Product, Sku
from shop.operators import queries as operators
from shop.operators.rules import Permission

PAGE: Final = 20
LAST_POSITION: Final = 2**31 - 1

blueprint = make_room("batches")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a card: when, in words, and by whom."""

    at: datetime
    text: str
    actor: str = ""
    approval_id: UUID | None = None  # of the request behind it


@blueprint.get("/stock/batches/<uuid:batch_id>")
@may(Permission.STOCK)
def show(batch_id: UUID) -> str:
    """Show a batch, its cards without their codes, and what left the house of it."""
    after = _after()
    with ports().begin() as session:
        batch = session.get(Batch, batch_id)
        if batch is None:
            raise BatchNotFound
        found = queries.list_batch_cards(session, batch_id, after=after, limit=PAGE + 1)
        exports = exporting.list_exports(session, batch_id=batch_id)
        can_leave, obstacle = _foresee(session, batch)
        kind = ApprovalKind.EXPORT_CODES
        return render_template(
            "console/batch.html",
            batch=batch,
            sku=_sku_of(session, batch.sku_id),
            counts=queries.count_by_status(session, batch_id),
            cards=found[:PAGE],
            following=found[PAGE - 1].position if len(found) > PAGE else None,
            exports=exports,
            names=_names(session, exports),
            waiting=approvals.find_waiting(session, kind, str(batch_id)),
            can_leave=can_leave,
            left_before=exporting.count_left_before(session, batch),
            obstacle=obstacle,
        )


@blueprint.post("/stock/batches/<uuid:batch_id>/export")
@may(Permission.EXPORT_CODES)
def ask_for_codes(batch_id: UUID) -> Any:
    """Ask that the batch's unsold codes leave the house in plain text; a second person decides."""
    with acting("stock.export_codes", "batch", str(batch_id)) as deed:
        batch = queries.get_batch(deed.session, batch_id)
        wanted = Wanted(
            kind=ApprovalKind.EXPORT_CODES,
            subject=str(batch_id),
            arguments={exporting.HOW_MANY: exporting.foresee_export(deed.session, batch)},
            amount_fen=None,
            why=request.form.get("why", ""),
        )
        return redirect(send_for_approval(deed, wanted), code=303)


@blueprint.get("/stock/cards/<uuid:card_id>")
@may(Permission.STOCK)
def show_card(card_id: UUID) -> str:
    """Show what happened to one card from its import on; never its code."""
    with ports().begin() as session:
        card = queries.get_card(session, card_id)
        batch = session.get_one(Batch, card.batch_id)
        return render_template(
            "console/card.html",
            card=card,
            batch=batch,
            sku=_sku_of(session, card.sku_id),
            steps=_steps(session, card, batch),
        )


def _steps(session: Session, card: Card, batch: Batch) -> list[Step]:
    exports = exporting.list_exports(session, card_id=card.id)
    names = _names(session, exports)
    changes = session.scalars(
        select(StatusChange).where(StatusChange.row_id == card.id).order_by(StatusChange.seq)
    )
    looks = session.scalars(select(Reveal).where(Reveal.card_id == card.id))
    steps = [
        Step(batch.created_at, _("导入")),
        *(Step(one.at, _change(one), one.actor) for one in changes),
        *(Step(look.at, _("会员查看卡密")) for look in looks),
        *(_left(export, approval, names) for export, approval in exports),
    ]
    return sorted(steps, key=lambda step: step.at)


def _change(change: StatusChange) -> str:
    return f"{label('card', change.old)} → {label('card', change.new)}"


def _left(export: CodeExport, approval: Approval, names: dict[UUID, str]) -> Step:
    text = _(
        "卡密明文导出，批准人 %(name)s，原因：%(why)s",
        name=names[export.approved_by_id],
        why=approval.why,
    )
    return Step(export.at, text, names[export.exported_by_id], approval.id)


def _foresee(session: Session, batch: Batch) -> tuple[int, DomainError | None]:
    """Return how many codes may leave, or why none may."""
    try:
        return exporting.foresee_export(session, batch), None
    except DomainError as refusal:
        return 0, refusal


def _names(session: Session, exports: Sequence[Row[CodeExport, Approval]]) -> dict[UUID, str]:
    persons = {one.exported_by_id for one, _approval in exports}
    persons |= {one.approved_by_id for one, _approval in exports}
    return operators.list_names(session, persons)


def _sku_of(session: Session, sku_id: UUID) -> tuple[str, str]:
    """Return the titles of product and SKU."""
    product, sku = session.execute(
        select(Product.title, Sku.title)
        .join(Product, Product.id == Sku.product_id)
        .where(Sku.id == sku_id)
    ).one()
    return product, sku


def _after() -> int:
    given = request.args.get("after", "")
    is_position = given.isascii() and given.isdecimal() and len(given) < 11
    return min(int(given), LAST_POSITION) if is_position else -1
