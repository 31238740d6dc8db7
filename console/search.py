"""Landing on things: by the number of an order, a trade or a refund, by an id, by a name."""

from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from flask import jsonify, redirect, render_template, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from console import asked, product_reading
from console.door import SIGNED_IN, make_room, may, permissions
from console.menu import entries
from console.ports import ports
from console.saved_views import find_views
from group_buy.models import Group
from shop.campaigns.models import Campaign
from shop.cards.models import Batch, Card
from shop.catalog import queries as catalog
from shop.catalog.models import Product, Sku
from shop.members.models import Member
from shop.operators.rules import Permission
from shop.orders.models import Order
from shop.payments import queries as payments
from shop.withdrawals import queries as withdrawals

MOST: Final = 8
# Whose page an id leads to, and who may see it.
PAGES_BY_ID: Final[tuple[tuple[Permission, type[Any], str, str], ...]] = (
    (Permission.CAMPAIGNS, Campaign, "console_campaigns.show", "campaign_id"),
    (Permission.MEMBERS, Member, "console_members.show", "member_id"),
    (Permission.GROUPS, Group, "console_groups.show", "group_id"),
    (Permission.STOCK, Batch, "console_batches.show", "batch_id"),
    (Permission.STOCK, Card, "console_batches.show_card", "card_id"),
    (Permission.CATALOG, Product, "console_products.show", "product_id"),
    (Permission.CATALOG, Sku, "console_skus.show", "sku_id"),
)

blueprint = make_room("search")


@blueprint.get("/search")
@may(SIGNED_IN)
def search() -> Any:
    """Go to the one thing that the words name, or show what they may mean."""
    words = asked.words_of("q")
    with ports().begin() as session:
        found = _find_one(session, words)
        if found is not None:
            return redirect(found, code=303)
        return render_template(
            "console/search.html",
            words=words,
            campaigns=_find_campaigns(session, words),
            products=_find_products(session, words),
        )


@blueprint.get("/palette")
@may(SIGNED_IN)
def palette() -> Any:
    """Return what the palette offers for these words."""
    words = asked.words_of("q")
    pages = [
        {"name": str(entry.name), "place": url_for(entry.endpoint)}
        for entry in entries(permissions())
        if words.lower() in str(entry.name).lower()
    ]
    with ports().begin() as session:
        found = _find_one(session, words) if words else None
        campaigns = _find_campaigns(session, words)
        products = _find_products(session, words)
        views = find_views(session, words) if words else []
    things = [{"name": words, "place": found}] if found else []
    things += [
        {
            "name": campaign.name,
            "place": url_for("console_campaigns.show", campaign_id=campaign.id),
        }
        for campaign in campaigns
    ]
    things += [
        {"name": product.title, "place": url_for("console_products.show", product_id=product.id)}
        for product in products
    ]
    things += [{"name": name, "place": place} for name, place in views[:MOST]]
    return jsonify(found=(things + pages)[: 2 * MOST])


def _find_one(session: Session, words: str) -> str | None:
    """Return the address of the one thing with this number, if the asker may see it."""
    if not words:
        return None
    allowed = permissions()
    if Permission.ORDERS in allowed:
        order_id = _find_order(session, words)
        if order_id is not None:
            return url_for("console_orders.show", order_id=order_id)
    if Permission.WITHDRAWALS in allowed:
        withdrawal = withdrawals.find_by_number(session, words.upper())
        if withdrawal is not None:
            return url_for("console_withdrawals.show", withdrawal_id=withdrawal.id)
    if Permission.CATALOG in allowed:
        sku = catalog.find_sku_by_code(session, words)
        if sku is not None:
            return url_for("console_skus.show", sku_id=sku.id)
    row_id = asked.as_id(words)
    return None if row_id is None else _find_by_id(session, row_id)


def _find_by_id(session: Session, row_id: UUID) -> str | None:
    """Return the page of whatever has the id, if the asker may see it."""
    allowed = permissions()
    for needs, table, endpoint, name in PAGES_BY_ID:
        if needs in allowed and session.get(table, row_id) is not None:
            values: dict[str, Any] = {name: row_id}
            return url_for(endpoint, **values)
    return None


def _find_order(session: Session, words: str) -> UUID | None:
    ways: tuple[Callable[[], UUID | None], ...] = (
        lambda: session.scalar(select(Order.id).where(Order.order_no == words.upper())),
        lambda: getattr(payments.find_by_number(session, words), "order_id", None),
        lambda: getattr(payments.find_refund_by_number(session, words), "order_id", None),
        lambda: session.scalar(select(Order.id).where(Order.id == asked.as_id(words))),
    )
    return next((found for way in ways if (found := way()) is not None), None)


def _find_campaigns(session: Session, words: str) -> list[Campaign]:
    if not words or Permission.CAMPAIGNS not in permissions():
        return []
    return list(
        session.scalars(
            select(Campaign)
            .where(Campaign.name.icontains(words, autoescape=True))
            .order_by(Campaign.id.desc())
            .limit(MOST)
        )
    )


def _find_products(session: Session, words: str) -> Sequence[Product]:
    if not words or Permission.CATALOG not in permissions():
        return []
    return product_reading.find_products(session, words, limit=MOST)
