"""Products: the list, one product with its SKUs, making and changing one, showing and hiding it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from flask import make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from console import asked
from console import product_reading as reading
from console.acting import Deed, acting, earlier_place, keep_place
from console.door import make_room, may
from console.forms.product import ProductForm
from console.ports import now, ports
from console.product_reading import Choice, Offer
from console.versions import product_state, version_of
from kit.errors import Conflict, DomainError
from shop.approvals import queries as approvals
from shop.approvals.models import ApprovalKind
from shop.catalog import service
from shop.catalog.models import Product, ProductStatus, Scenario
from shop.operators import queries as operators
from shop.operators.rules import Permission

Act = Callable[..., None]

blueprint = make_room("products")


class Refused(Exception):
    """The page of a product is shown again, with what was typed, and why nothing was done."""

    def __init__(self, product_id: UUID, form: ProductForm | None, **told: Any) -> None:
        """Keep the form, and what else the page says."""
        super().__init__()
        self.product_id, self.form, self.told = product_id, form, told


@blueprint.get("/products")
@may(Permission.CATALOG)
def list_all() -> str:
    """Show products, newest first."""
    choice = Choice(
        asked.choice_of(ProductStatus, "status"),
        asked.choice_of(Scenario, "scenario"),
        asked.words_of("q"),
        asked.cursor(),
    )
    with ports().begin() as session:
        page = reading.list_chosen(session, choice)
        return render_template(
            "console/products.html",
            page=page,
            offers=_offers(session, [product.id for product in page.items]),
            counts=reading.count_chosen(session, choice),
            choice=choice,
            statuses=ProductStatus,
            scenarios=Scenario,
            most=reading.MOST_COUNTED,
        )


@blueprint.get("/products/new")
@may(Permission.CHANGE_CATALOG)
def show_new() -> Response:
    """Show an empty form."""
    return _new_page(ProductForm.read({}), 200)


@blueprint.post("/products/new")
@may(Permission.CHANGE_CATALOG)
def add() -> Response:
    """Write one down, hidden; whatever is refused is shown with all that was typed."""
    form = ProductForm.read(request.form)
    plan = form.plan()
    if form.errors:
        return _new_page(form, 422)
    with acting("catalog.add_product", "product") as deed:
        earlier = earlier_place(deed)
        if earlier is not None:
            deed.subject, deed.after = earlier.rsplit("/", 1)[-1], {"repeated": True}
            return redirect(earlier, code=303)
        product = service.add_product(deed.session, **plan, now=deed.now)
        deed.subject, deed.after = str(product.id), product_state(product)
        place = url_for("console_products.show", product_id=product.id)
        keep_place(deed, place)
    return redirect(place, code=303)


@blueprint.get("/products/<uuid:product_id>")
@may(Permission.CATALOG)
def show(product_id: UUID) -> Response:
    """Show one product with its SKUs."""
    return _page(product_id)


@blueprint.post("/products/<uuid:product_id>/change")
@may(Permission.CHANGE_CATALOG)
def change(product_id: UUID) -> Response:
    """Say it differently from now on; orders keep what was promised."""
    form = ProductForm.read(request.form)
    with _changing(product_id, "catalog.change_product", form) as (deed, product):
        plan = form.plan()
        if form.errors:
            raise Refused(product_id, form, status=422)
        service.change_product(deed.session, product, **plan)
    return _back(product_id)


@blueprint.post("/products/<uuid:product_id>/publish")
@may(Permission.CHANGE_CATALOG)
def publish(product_id: UUID) -> Response:
    """Show it to members."""
    return _turn(product_id, "catalog.publish", service.publish_product)


@blueprint.post("/products/<uuid:product_id>/withdraw")
@may(Permission.CHANGE_CATALOG)
def withdraw(product_id: UUID) -> Response:
    """Hide it from members; orders keep what was promised."""
    return _turn(product_id, "catalog.withdraw", service.withdraw_product)


@blueprint.errorhandler(Refused)
def show_refused(refused: Refused) -> Response:
    """Show how it stands now, with what was typed; the same button acts on that."""
    return _page(refused.product_id, form=refused.form, **refused.told)


def turn_one(deed: Deed, product_id: UUID, act: Act) -> None:
    """Show it or hide it, whatever else has changed since it was listed."""
    product = service.lock_product(deed.session, product_id)
    deed.before = product_state(product)
    act(deed.session, product_id, actor=deed.doer.name, now=deed.now)
    deed.session.flush()  # the state after it is what is stored
    deed.after = product_state(product)


def _turn(product_id: UUID, action: str, act: Act) -> Response:
    try:
        with _changing(product_id, action, None) as (deed, _product):
            act(deed.session, product_id, actor=deed.doer.name, now=deed.now)
    except Conflict as refusal:
        raise Refused(product_id, None, status=409, refusal=refusal) from None
    return _back(product_id)


@contextmanager
def _changing(
    product_id: UUID, action: str, form: ProductForm | None
) -> Iterator[tuple[Deed, Product]]:
    """Give the product that the operator saw, locked, or show that it is another by now."""
    with acting(action, "product", str(product_id)) as deed:
        product = service.lock_product(deed.session, product_id)
        deed.before = product_state(product)
        if request.form.get("version") != version_of(deed.before):
            raise Refused(product_id, form, status=409, is_stale=True)
        yield deed, product
        deed.session.flush()  # the state after it is what is stored
        deed.after = product_state(product)


def _back(product_id: UUID) -> Response:
    return redirect(url_for("console_products.show", product_id=product_id), code=303)


def _new_page(form: ProductForm, status: int) -> Response:
    page = render_template("console/product_new.html", form=form, scenarios=Scenario)
    return make_response(page, status)


def _page(
    product_id: UUID,
    *,
    status: int = 200,
    form: ProductForm | None = None,
    refusal: DomainError | None = None,
    is_stale: bool = False,
) -> Response:
    with ports().begin() as session:
        product = reading.get_any(session, product_id)
        offers = _offers(session, [product_id])[product_id]
        page = render_template(
            "console/product.html",
            product=product,
            form=form or ProductForm.of(product),
            version=version_of(product_state(product)),
            scenarios=Scenario,
            offers=offers,
            most=reading.MOST_COUNTED,
            sales=reading.list_sales(
                session,
                [offer.sku for offer in offers],
                fee_basis_points=ports().fee_basis_points,
            ),
            asked=approvals.list_waiting_about(
                session, ApprovalKind.ADD_SKU, product_id=str(product_id)
            ),
            deeds_rows=operators.list_actions(session, subject=str(product_id), limit=10).items,
            refusal=refusal,
            is_stale=is_stale,
        )
    return make_response(page, status)


def _offers(session: Session, product_ids: Sequence[UUID]) -> Mapping[UUID, list[Offer]]:
    return reading.list_offers(
        session, product_ids, fee_basis_points=ports().fee_basis_points, now=now()
    )
