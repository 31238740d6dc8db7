"""Changing the catalogue: products, the SKUs in which they are sold, and where each is sold."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from kit.errors import Conflict
from kit.ids import new_id
from kit.lifecycle import move
from kit.money import Fen
from shop.catalog import queries
from shop.catalog.models import (
    Product,
    ProductStatus,
    SaleChannel,
    Scenario,
    Sku,
    SkuKind,
)
from shop.catalog.rules import (
    FaceValueStays,
    Listing,
    NeedsSecondPerson,
    NothingToSell,
    SkuTerms,
    check_band,
    check_code,
    check_listing,
    check_product,
    loss_of,
    needs_second_person,
)

EVERYWHERE: Final = dict.fromkeys(SaleChannel, True)


class SkuCodeTaken(Conflict):
    """Another SKU has this code."""

    code = "catalog.sku_code_taken"
    title = "The SKU code is taken"
    message = "该 SKU 编码已被使用"


def add_product(
    session: Session,
    *,
    title: str,
    brand: str,
    scenario: Scenario,
    pictures: Sequence[str] = (),
    purchase_notes: str = "",
    now: datetime,
) -> Product:
    """Write down a product, not shown to anybody yet; raises `BadProduct`."""
    check_product(title=title, brand=brand, pictures=pictures, purchase_notes=purchase_notes)
    product = Product(
        id=new_id(),
        status=ProductStatus.DRAFT,
        title=title,
        brand=brand,
        scenario=scenario,
        pictures=list(pictures),
        purchase_notes=purchase_notes,
        created_at=now,
    )
    session.add(product)
    session.flush()  # SKUs name the product
    return product


def change_product(
    session: Session,
    product: Product,
    *,
    title: str,
    brand: str,
    scenario: Scenario,
    pictures: Sequence[str],
    purchase_notes: str,
) -> None:
    """Say it differently from now on; orders keep what was promised. Raises `BadProduct`."""
    check_product(title=title, brand=brand, pictures=pictures, purchase_notes=purchase_notes)
    product.title, product.brand, product.scenario = title, brand, scenario
    product.pictures, product.purchase_notes = list(pictures), purchase_notes
    session.flush()  # the state after it is what is stored


def add_sku(
    session: Session,
    product: Product,
    *,
    code: str,
    title: str,
    kind: SkuKind,
    terms: SkuTerms,
    on_sale: Mapping[SaleChannel, bool] = EVERYWHERE,
    sku_id: UUID | None = None,
    fee_basis_points: int = 0,
    approved_by: str | None = None,
    now: datetime,
) -> Sku:
    """Write down a form in which the product is sold.

    Raises `SkuCodeTaken`, `BadSku`, `BadBand`, or `NeedsSecondPerson` where it sells at a loss and
    nobody approved that.
    """
    listing = Listing(
        title=title,
        terms=terms,
        on_sale=frozenset(channel for channel, is_on in on_sale.items() if is_on),
    )
    check_code(code)
    check_listing(listing)
    if queries.find_sku_by_code(session, code) is not None:
        raise SkuCodeTaken
    _check_persons(None, terms, fee_basis_points, approved_by, has_cards=False)
    sku = Sku(id=sku_id or new_id(), product_id=product.id, kind=kind, code=code, created_at=now)
    _list(sku, listing)
    session.add(sku)
    session.flush()  # batches name the SKU
    return sku


def change_sku(
    session: Session,
    sku: Sku,
    listing: Listing,
    *,
    has_cards: bool,
    fee_basis_points: int,
    approved_by: str | None = None,
) -> None:
    """Sell it on these terms from now on; orders and open sheets keep theirs. The caller holds it.

    Raises `BadSku`, `BadBand`, `FaceValueStays` where it `has_cards`, or `NeedsSecondPerson` where
    it would sell at a larger loss, or its stock would cost less, and nobody approved that.
    """
    check_listing(listing)
    if has_cards and listing.terms.face_value_fen != sku.face_value_fen:
        raise FaceValueStays
    was = Listing.of(sku).terms
    _check_persons(was, listing.terms, fee_basis_points, approved_by, has_cards=has_cards)
    _list(sku, listing)
    session.flush()  # the constraints have the last word


def publish_product(session: Session, product_id: UUID, *, actor: str, now: datetime) -> None:
    """Show it to members; raises `ProductNotFound`, `NothingToSell` or `IllegalMove`."""
    product = lock_product(session, product_id)
    if not queries.list_skus(session, [product_id]):
        raise NothingToSell
    move(session, product, ProductStatus.PUBLISHED, at=now, actor=actor)


def withdraw_product(session: Session, product_id: UUID, *, actor: str, now: datetime) -> None:
    """Hide a product; orders keep what was promised. `ProductNotFound` or `IllegalMove`."""
    product = lock_product(session, product_id)
    move(session, product, ProductStatus.WITHDRAWN, at=now, actor=actor)


def allow_help_sell(session: Session, sku: Sku, *, min_fen: Fen, max_fen: Fen) -> None:
    """Let leaders sell the SKU at prices of their own within a band, in fen; raises `BadBand`.

    Sheets that are open keep the prices they were opened with.
    """
    check_band(min_fen, max_fen, cost_fen=sku.cost_fen)
    sku.help_sell_min_fen = min_fen
    sku.help_sell_max_fen = max_fen
    session.flush()  # the constraint has the last word


def stop_help_sell(session: Session, sku: Sku) -> None:
    """Let leaders open no more sheets with the SKU; open ones go on."""
    sku.help_sell_min_fen = sku.help_sell_max_fen = None
    session.flush()  # what follows reads the SKU


def lock_product(session: Session, product_id: UUID) -> Product:
    """Return the product, locked and fresh; raises `ProductNotFound`."""
    product = session.get(
        Product, product_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if product is None:
        raise queries.ProductNotFound
    return product


def lock_sku(session: Session, sku_id: UUID) -> Sku:
    """Return the SKU, locked and fresh; raises `SkuNotFound`.

    Orders refer to the row meanwhile: a crowd of buyers never keeps an operator waiting.
    """
    sku = session.get(Sku, sku_id, with_for_update={"key_share": True}, populate_existing=True)
    if sku is None:
        raise queries.SkuNotFound
    return sku


def _check_persons(
    old: SkuTerms | None,
    new: SkuTerms,
    fee_basis_points: int,
    approved_by: str | None,
    *,
    has_cards: bool,
) -> None:
    if approved_by is None and needs_second_person(
        old, new, fee_basis_points=fee_basis_points, has_cards=has_cards
    ):
        raise NeedsSecondPerson(loss_fen=loss_of(new, fee_basis_points=fee_basis_points))


def _list(sku: Sku, listing: Listing) -> None:
    terms = listing.terms
    sku.title = listing.title
    sku.face_value_fen, sku.list_price_fen = terms.face_value_fen, terms.list_price_fen
    sku.cost_fen, sku.warranty_days = terms.cost_fen, terms.warranty_days
    sku.limit_per_order, sku.limit_per_day = terms.limit_per_order, terms.limit_per_day
    sku.limit_ever, sku.refund_rule = terms.limit_ever, terms.refund_rule
    sku.help_sell_min_fen = terms.help_sell_min_fen
    sku.help_sell_max_fen = terms.help_sell_max_fen
    sku.on_sale = {channel.value: channel in listing.on_sale for channel in SaleChannel}
