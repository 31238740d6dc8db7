"""SKUs: a new one of a product, and changing one; at a loss only by the word of a second person."""

from typing import Any
from uuid import UUID

from flask import make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from console import product_reading as reading
from console import refusals
from console.acting import Deed, acting, earlier_place, keep_place, send_for_approval
from console.door import make_room, may
from console.forms.sku import SkuForm
from console.ports import now, ports
from console.product_reading import Offer
from console.versions import sku_state, version_of
from kit.errors import Conflict, DomainError, Malformed
from kit.ids import new_id
from shop.approvals import queries as approvals
from shop.approvals.models import ApprovalKind
from shop.approvals.rules import Wanted
from shop.cards import queries as cards
from shop.catalog import service
from shop.catalog.models import Product, RefundRule, SaleChannel, Sku, SkuKind
from shop.catalog.rules import Listing, NeedsSecondPerson, loss_of
from shop.operators import queries as operators
from shop.operators.rules import Permission

blueprint = make_room("skus")


class Mistyped(Exception):
    """Fields of the form make no sense: the transaction is left without a trace."""


class Stale(Exception):
    """Somebody changed the SKU after the form was shown."""


@blueprint.get("/products/<uuid:product_id>/skus/new")
@may(Permission.CHANGE_CATALOG)
def show_new(product_id: UUID) -> Response:
    """Show a form with what is usual filled in."""
    return _new_page(product_id, SkuForm.empty())


@blueprint.post("/products/<uuid:product_id>/skus/new")
@may(Permission.CHANGE_CATALOG)
def add(product_id: UUID) -> Response:
    """Write one down, or ask for that where it sells at a loss; nothing that was typed is lost."""
    form = SkuForm.read(request.form)
    identity, listing = form.identity(), form.listing()
    if form.errors:
        return _new_page(product_id, form, status=422)
    try:
        with acting("catalog.add_sku", "sku") as deed:
            earlier = earlier_place(deed)
            if earlier is not None:
                deed.subject, deed.after = earlier.rsplit("/", 1)[-1], {"repeated": True}
                return redirect(earlier, code=303)
            product = service.lock_product(deed.session, product_id)
            place = _add(deed, product, identity, listing, form)
            keep_place(deed, place)
    except service.SkuCodeTaken:
        form.errors["sku_code"] = _("该编码已被其他规格使用")
        return _new_page(product_id, form, status=409)
    except (Conflict, Malformed) as refusal:
        return _new_page(product_id, form, status=refusals.status_of(refusal), refusal=refusal)
    return redirect(place, code=303)


@blueprint.get("/skus/<uuid:sku_id>")
@may(Permission.CATALOG)
def show(sku_id: UUID) -> Response:
    """Show one SKU: what it promises, what it earns, what is in stock, which campaigns sell it."""
    return _page(sku_id)


@blueprint.post("/skus/<uuid:sku_id>/change")
@may(Permission.CHANGE_CATALOG)
def change(sku_id: UUID) -> Response:
    """Sell it on other terms, or ask for that where the loss grows or the cost falls."""
    form = SkuForm.read(request.form)
    try:
        with acting("catalog.change_sku", "sku", str(sku_id)) as deed:
            sku = service.lock_sku(deed.session, sku_id)
            if request.form.get("version") != version_of(sku_state(sku)):
                raise Stale
            place = _change(deed, sku, form)
    except Stale:
        return _page(sku_id, status=409, form=form, is_stale=True)
    except Mistyped:
        return _page(sku_id, status=422, form=form)
    except (Conflict, Malformed) as refusal:
        return _page(sku_id, status=refusals.status_of(refusal), form=form, refusal=refusal)
    return redirect(place, code=303)


def _add(
    deed: Deed, product: Product, identity: dict[str, Any], listing: Listing, form: SkuForm
) -> str:
    """Add it, or ask a second person; return where to look next."""
    fee = ports().fee_basis_points
    try:
        sku = service.add_sku(
            deed.session,
            product,
            **identity,
            title=listing.title,
            terms=listing.terms,
            on_sale={channel: channel in listing.on_sale for channel in SaleChannel},
            fee_basis_points=fee,
            now=deed.now,
        )
    except NeedsSecondPerson:
        arguments = {
            "product_id": str(product.id),
            "code": identity["code"],
            "kind": identity["kind"].value,
            "listing": listing.tell(),
        }
        return _ask(deed, ApprovalKind.ADD_SKU, str(new_id()), arguments, listing, form)
    deed.subject, deed.after = str(sku.id), sku_state(sku)
    return url_for("console_skus.show", sku_id=sku.id)


def _change(deed: Deed, sku: Sku, form: SkuForm) -> str:
    """Change it, or ask a second person; return where to look next."""
    fee, has_cards = ports().fee_basis_points, cards.hold_has_cards(deed.session, sku.id)
    stays = has_cards and not form.typed["face_value"]
    listing = form.listing(face_value_fen=sku.face_value_fen if stays else None)
    if form.errors:
        raise Mistyped
    deed.before = sku_state(sku)
    try:
        service.change_sku(deed.session, sku, listing, has_cards=has_cards, fee_basis_points=fee)
    except NeedsSecondPerson:
        was, wanted = Listing.of(sku).tell(), listing.tell()
        changes = {name: [was[name], value] for name, value in wanted.items() if was[name] != value}
        arguments = {"changes": changes}
        return _ask(deed, ApprovalKind.CHANGE_SKU, str(sku.id), arguments, listing, form)
    deed.after = sku_state(sku)
    return url_for("console_skus.show", sku_id=sku.id)


def _ask(
    deed: Deed,
    kind: ApprovalKind,
    subject: str,
    arguments: dict[str, Any],
    listing: Listing,
    form: SkuForm,
) -> str:
    """Ask for it if that is what was pressed, with a reason; else raise what says it is needed."""
    loss = loss_of(listing.terms, fee_basis_points=ports().fee_basis_points)
    if request.form.get("do") != "ask" or not form.typed["why"]:
        raise NeedsSecondPerson(loss_fen=loss)
    wanted = Wanted(
        kind=kind, subject=subject, arguments=arguments, amount_fen=loss, why=form.typed["why"]
    )
    return send_for_approval(deed, wanted)


def _new_page(
    product_id: UUID, form: SkuForm, *, status: int = 200, refusal: DomainError | None = None
) -> Response:
    with ports().begin() as session:
        product = reading.get_any(session, product_id)
    return _render("console/sku_new.html", status, product=product, form=form, refusal=refusal)


def _page(
    sku_id: UUID,
    *,
    status: int = 200,
    form: SkuForm | None = None,
    refusal: DomainError | None = None,
    is_stale: bool = False,
) -> Response:
    with ports().begin() as session:
        sku, product = reading.get_sku(session, sku_id)
        return _render(
            "console/sku.html",
            status,
            sku=sku,
            product=product,
            form=form or SkuForm.of(sku),
            version=version_of(sku_state(sku)),
            offer=_offer(session, sku),
            most=reading.MOST_COUNTED,
            has_cards=cards.has_cards(session, sku_id),
            sales=reading.list_sales(session, [sku], fee_basis_points=ports().fee_basis_points),
            asked=approvals.find_waiting(session, ApprovalKind.CHANGE_SKU, str(sku_id)),
            deeds_rows=operators.list_actions(session, subject=str(sku_id), limit=10).items,
            refusal=refusal,
            is_stale=is_stale,
        )


def _render(template: str, status: int, *, form: SkuForm, **told: Any) -> Response:
    page = render_template(
        template, form=form, kinds=SkuKind, refund_rules=RefundRule, channels=SaleChannel, **told
    )
    return make_response(page, status)


def _offer(session: Session, sku: Sku) -> Offer:
    fee = ports().fee_basis_points
    return reading.read_offers(session, [sku], fee_basis_points=fee, now=now())[0]
