"""Turning rows of cards into what their owner sees; the row's sealed code stays where it is."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from miniprogram_api.schemas.cards import CardOut
from shop.cards.models import Card
from shop.orders.models import OrderLine


def view_cards(session: Session, cards: Sequence[Card]) -> list[CardOut]:
    """Return the cards with the names they were sold under."""
    line_ids = [card.order_line_id for card in cards]
    found = session.scalars(select(OrderLine).where(OrderLine.id.in_(line_ids))).all()
    lines = {line.id: line for line in found}
    return [
        _view_card(card, lines[card.order_line_id]) for card in cards if card.order_line_id in lines
    ]


def _view_card(card: Card, line: OrderLine) -> CardOut:
    promised = line.snapshot
    return CardOut(
        id=card.id,
        order_id=line.order_id,
        sku_id=card.sku_id,
        product_title=promised["product_title"],
        sku_title=promised["sku_title"],
        brand=promised["brand"],
        picture=promised["picture"],
        face_value_fen=promised["face_value_fen"],
        status=card.status,
        expires_at=card.expires_at,
        delivered_at=card.delivered_at,
        first_revealed_at=card.first_revealed_at,
    )
