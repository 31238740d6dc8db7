"""SKUs that a second person's word adds or changes: at a loss, or to a lower cost."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from console.versions import sku_state
from kit.money import Fen
from shop.approvals.models import Approval, ApprovalKind
from shop.approvals.rules import (
    Action,
    Actions,
    Done,
    Foresee,
    Perform,
    Persons,
    StaleApproval,
    check_amount,
)
from shop.cards import counting
from shop.cards import queries as cards
from shop.catalog import queries, service
from shop.catalog.models import Product, SaleChannel, Sku, SkuKind
from shop.catalog.rules import Listing, loss_of
from shop.catalog.service import SkuCodeTaken
from shop.operators.rules import Permission
from shop.ports import Ports

MOST_COUNTED = 10_001  # cards that may be sold, for who decides


def sku_actions(ports: Ports) -> Actions:
    """Return what requests about SKUs do."""
    fee = ports.fee_basis_points
    return {
        ApprovalKind.ADD_SKU: Action(
            Permission.CHANGE_CATALOG, "catalog.add_sku", "sku", _foresee_adding(fee), _adding(fee)
        ),
        ApprovalKind.CHANGE_SKU: Action(
            Permission.CHANGE_CATALOG,
            "catalog.change_sku",
            "sku",
            _foresee_changing(fee),
            _changing(fee),
        ),
    }


def _foresee_adding(fee: int) -> Foresee:
    def foresee(session: Session, approval: Approval, _now: datetime) -> Mapping[str, Any]:
        product = session.get(Product, UUID(approval.arguments["product_id"]))
        if product is None:
            raise queries.ProductNotFound
        if queries.find_sku_by_code(session, approval.arguments["code"]) is not None:
            raise SkuCodeTaken
        listing = Listing.read(approval.arguments["listing"])
        check_amount(approval, loss_of(listing.terms, fee_basis_points=fee))
        return _outlook(f"{product.title} · {listing.title}", listing, fee)

    return foresee


def _adding(fee: int) -> Perform:
    def add(session: Session, approval: Approval, persons: Persons, now: datetime) -> Done:
        given = approval.arguments
        listing = Listing.read(given["listing"])
        check_amount(approval, loss_of(listing.terms, fee_basis_points=fee))
        sku = service.add_sku(
            session,
            service.lock_product(session, UUID(given["product_id"])),
            code=given["code"],
            title=listing.title,
            kind=SkuKind(given["kind"]),
            terms=listing.terms,
            on_sale={channel: channel in listing.on_sale for channel in SaleChannel},
            sku_id=UUID(approval.subject),
            fee_basis_points=fee,
            approved_by=persons.decided_by,
            now=now,
        )
        return Done({}, sku_state(sku))

    return add


def _foresee_changing(fee: int) -> Foresee:
    def foresee(session: Session, approval: Approval, now: datetime) -> Mapping[str, Any]:
        sku = session.get(Sku, UUID(approval.subject))
        if sku is None:
            raise queries.SkuNotFound
        listing = _wanted(sku, approval, fee)
        product = session.get_one(Product, sku.product_id)
        free = counting.count_free_up_to(session, [sku.id], most=MOST_COUNTED, now=now)
        outlook = _outlook(f"{product.title} · {sku.title}", listing, fee)
        return {**outlook, "codes_free": free.get(sku.id, 0)}

    return foresee


def _changing(fee: int) -> Perform:
    def change(session: Session, approval: Approval, persons: Persons, _now: datetime) -> Done:
        sku = service.lock_sku(session, UUID(approval.subject))
        before = sku_state(sku)
        service.change_sku(
            session,
            sku,
            _wanted(sku, approval, fee),
            has_cards=cards.hold_has_cards(session, sku.id),
            fee_basis_points=fee,
            approved_by=persons.decided_by,
        )
        return Done(before, sku_state(sku))

    return change


def _wanted(sku: Sku, approval: Approval, fee: int) -> Listing:
    """Return the SKU as it was asked for; what nobody asked to change stays as it is by now.

    Raises `StaleApproval` where one of the values that were to be changed is another by now.
    """
    told = Listing.of(sku).tell()
    for name, (old, new) in approval.arguments["changes"].items():
        if told[name] != old:
            raise StaleApproval(**{name: told[name]})
        told[name] = new
    listing = Listing.read(told)
    check_amount(approval, loss_of(listing.terms, fee_basis_points=fee))
    return listing


def _outlook(name: str, listing: Listing, fee: int) -> dict[str, Any]:
    loss: Fen = loss_of(listing.terms, fee_basis_points=fee)
    terms = listing.terms
    return {
        "sku": name,
        "list_price_fen": terms.list_price_fen,
        "cost_fen": terms.cost_fen,
        "loss_fen": loss,
    }
