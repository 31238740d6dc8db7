"""Order sheets as their leaders, members and visitors see them."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BeforeValidator, Field, StrictInt

from group_buy.sheets.models import (
    LONGEST_CHAT_GROUP,
    LONGEST_NOTE,
    LONGEST_TITLE,
    EntryStatus,
    SheetStatus,
)
from group_buy.sheets.rules import MOST_ITEMS
from kit.money import MOST_FEN
from miniprogram_api.schemas.answers import Fen, Given, Moment, PageQuery, PageRead, Read, Sent
from miniprogram_api.schemas.groups import ShareOut
from miniprogram_api.schemas.orders import LineIn, OrderOut


def _only_text(value: Any) -> Any:
    if not isinstance(value, str):
        # Pydantic takes a ValueError for a refusal; a number would be read as seconds since 1970.
        raise ValueError("a moment is text with its offset")  # noqa: TRY004 - as said above
    return value


SentMoment = Annotated[
    AwareDatetime,
    BeforeValidator(_only_text),
    Field(description="ISO 8601 with its offset from UTC."),
]


class OfferIn(Sent):
    """A SKU that the leader offers, at a price within the band that is allowed for it."""

    sku_id: UUID
    price_fen: StrictInt = Field(ge=1, le=MOST_FEN, description="The price of a unit, in fen.")


class SheetIn(Sent):
    """What a leader offers to a chat group, and until when."""

    title: str = Field(min_length=1, max_length=LONGEST_TITLE)
    note: str = Field(default="", max_length=LONGEST_NOTE)
    chat_group: str = Field(
        default="", max_length=LONGEST_CHAT_GROUP, description="A label for the leader alone."
    )
    ends_at: SentMoment
    minimum_fen: StrictInt = Field(
        default=0, ge=0, le=MOST_FEN, description="Below this total nothing is delivered, in fen."
    )
    items: list[OfferIn] = Field(min_length=1, max_length=MOST_ITEMS)


class SheetQuery(PageQuery):
    """Which of the leader's sheets."""


class SheetOrderIn(Sent):
    """What a member takes from a sheet, each SKU in one line."""

    lines: list[LineIn] = Field(min_length=1, max_length=20)


class SheetItemOut(Given):
    """A SKU on a sheet, at the leader's price."""

    sku_id: UUID
    product_id: UUID
    product_title: str
    sku_title: str
    picture: str | None
    face_value_fen: Fen
    list_price_fen: Fen
    price_fen: Fen
    stock_left: int = Field(description="Units that may be ordered now, counted up to 1,000.")


class SheetFigures(Given):
    """How a sheet stands; what is counted is paid, unless it says otherwise."""

    id: UUID
    status: SheetStatus
    title: str
    note: str
    minimum_fen: Fen
    paid_fen: Fen
    missing_fen: Fen
    entries_paid: int
    entries_held: int
    opened_at: Moment
    ends_at: Moment
    decided_at: Moment | None
    items: list[SheetItemOut]


class OwnSheetOut(SheetFigures):
    """A sheet as its leader sees it."""

    chat_group: str
    share: ShareOut


class SheetLineOut(Given):
    """Units of one SKU that somebody took."""

    sku_id: UUID
    sku_title: str
    quantity: int


class SheetListedOut(Given):
    """A number of the list; whoever gave it up or did not pay is not named."""

    number: int
    status: EntryStatus
    name: str | None
    lines: list[SheetLineOut]


class SheetOut(SheetFigures):
    """A sheet as everybody may see it; nobody on its list is invented."""

    leader_name: str
    entries: list[SheetListedOut]
    share: ShareOut


class SheetRead(SheetOut, Read):
    """One sheet."""


class SheetPage(PageRead):
    """A page of the leader's sheets, newest first."""

    items: list[OwnSheetOut]


class SheetAnswer(Given):
    """The leader's sheet as it stands after the request."""

    sheet: OwnSheetOut


class EntryOut(Given):
    """An entry of the member's; its number stays whatever becomes of it."""

    id: UUID
    sheet_id: UUID
    number: int
    status: EntryStatus
    order_id: UUID
    total_fen: Fen
    joined_at: Moment
    paid_at: Moment | None


class EntryList(Read):
    """The member's entries on a sheet."""

    items: list[EntryOut]


class SheetOrderAnswer(Given):
    """The entry that is held, and the order that pays for it."""

    entry: EntryOut
    order: OrderOut
