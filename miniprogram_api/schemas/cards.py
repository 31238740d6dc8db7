"""The card wallet, which never lists codes, and the reveal of one code."""

from uuid import UUID

from miniprogram_api.schemas.answers import Given, Moment, PageQuery, PageRead
from shop.cards.models import CardStatus


class CardQuery(PageQuery):
    """Which cards: all of the member's, or those of one order."""

    order_id: UUID | None = None


class CardOut(Given):
    """A card the member owns, without its code."""

    id: UUID
    order_id: UUID
    sku_id: UUID
    product_title: str
    sku_title: str
    brand: str
    picture: str | None
    face_value_fen: int
    status: CardStatus
    expires_at: Moment | None
    delivered_at: Moment | None
    first_revealed_at: Moment | None


class CardPage(PageRead):
    """A page of the member's cards, newest first."""

    items: list[CardOut]


class RevealOut(Given):
    """One code; never stored by us or by anything in between."""

    code: str
    password: str | None
    first_revealed_at: Moment
