"""Pure rules of order sheets: a plan that makes sense, prices within bands, who may still order."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from group_buy.sheets.models import (
    LONGEST_CHAT_GROUP,
    LONGEST_NOTE,
    LONGEST_TITLE,
    MOST_ENTRIES,
    OrderSheet,
    SheetStatus,
)
from kit.errors import Conflict, Malformed
from kit.money import MOST_FEN, Fen
from shop.catalog.models import Sku

MOST_ITEMS: Final = 50
MOST_PER_MEMBER: Final = 10  # entries of one member on one sheet, given up ones too
SHORTEST: Final = timedelta(minutes=1)
LONGEST: Final = timedelta(days=30)

# What nobody can see could hide words or turn them around; line ends are kept in the note alone.
_REFUSED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS: Final = frozenset("\u200c\u200d")  # they hold emoji and some scripts together


class BadSheet(Malformed):
    """The words, the deadline, the minimum or the items make no sense; `reason` says which."""

    code = "group_buy.bad_sheet"
    title = "The order sheet makes no sense"
    message = "接龙设置有误"


class NotHelpSold(Conflict):
    """A SKU does not exist, is not published, or leaders do not sell it."""

    code = "group_buy.not_help_sold"
    title = "Leaders do not sell this SKU"
    message = "该商品暂不支持帮卖"


class PriceOutsideBand(Conflict):
    """A price is outside what leaders may ask for the SKU; `details` has the band."""

    code = "group_buy.price_outside_band"
    title = "The price is outside the allowed band"
    message = "帮卖价格超出允许范围"


class SheetOver(Conflict):
    """The sheet is decided, or its time is over."""

    code = "group_buy.sheet_over"
    title = "The order sheet takes nobody any more"
    message = "该接龙已结束"


class SheetFull(Conflict):
    """Every number of the sheet is given out."""

    code = "group_buy.sheet_full"
    title = "Every number of the order sheet is taken"
    message = "该接龙人数已满"


class TooManyEntries(Conflict):
    """The member has written down as many entries on this sheet as one may."""

    code = "group_buy.too_many_entries"
    title = "You have ordered on this sheet as often as you may"
    message = "您在该接龙的下单次数已达上限"


class MinimumNotMet(Conflict):
    """Too little is paid to close the sheet early; `details` says how much is missing."""

    code = "group_buy.minimum_not_met"
    title = "The minimum of the order sheet is not met"
    message = "尚未达到起送金额"


@dataclass(frozen=True, slots=True)
class Offer:
    """A SKU that a leader offers, and at which price in fen."""

    sku_id: UUID
    price_fen: Fen


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetPlan:
    """What a leader decides about a sheet; `minimum_fen` of 0 means none."""

    title: str
    note: str = ""
    chat_group: str = ""
    ends_at: datetime
    minimum_fen: Fen
    offers: Sequence[Offer]


def check_plan(plan: SheetPlan, *, now: datetime) -> None:
    """Raise `BadSheet` unless the deadline, the minimum and the items make sense."""
    if not now + SHORTEST <= plan.ends_at <= now + LONGEST:
        raise BadSheet(reason="it ends between a minute and 30 days from now")
    if not 0 <= plan.minimum_fen <= MOST_FEN:
        raise BadSheet(reason="the minimum is no possible total")
    if not 1 <= len(plan.offers) <= MOST_ITEMS:
        raise BadSheet(reason=f"it needs 1 to {MOST_ITEMS} items")
    if len({offer.sku_id for offer in plan.offers}) != len(plan.offers):
        raise BadSheet(reason="a SKU stands in two items")


def clean_title(text: str) -> str:
    """Return the title composed (NFC) and trimmed; raises `BadSheet`."""
    title = _clean(text, "title", longest=LONGEST_TITLE)
    if not set(title) - _JOINERS:
        raise BadSheet(reason="it needs a title")
    return title


def clean_note(text: str) -> str:
    """Return the note composed and trimmed, its line ends kept; raises `BadSheet`."""
    return _clean(text.replace("\r\n", "\n"), "note", longest=LONGEST_NOTE, kept="\n")


def clean_chat_group(text: str) -> str:
    """Return the leader's label of the chat group composed and trimmed; raises `BadSheet`."""
    return _clean(text, "chat group", longest=LONGEST_CHAT_GROUP)


def words_of(plan: SheetPlan) -> tuple[str, str, str]:
    """Return what others will read of a sheet, as it will be kept; raises `BadSheet`."""
    return clean_title(plan.title), clean_note(plan.note), clean_chat_group(plan.chat_group)


def check_price(sku: Sku, price_fen: Fen) -> tuple[Fen, Fen]:
    """Return the band that allows the price; raises `NotHelpSold` or `PriceOutsideBand`."""
    lowest, highest = sku.help_sell_min_fen, sku.help_sell_max_fen
    if lowest is None or highest is None:
        raise NotHelpSold(sku_id=str(sku.id))
    if not lowest <= price_fen <= highest:
        raise PriceOutsideBand(sku_id=str(sku.id), min_fen=lowest, max_fen=highest)
    return lowest, highest


def check_takes_orders(sheet: OrderSheet, *, now: datetime) -> None:
    """Raise `SheetOver` unless somebody may still order, or `SheetFull`."""
    if sheet.status is not SheetStatus.OPEN or now >= sheet.ends_at:
        raise SheetOver(status=sheet.status.value)
    if sheet.entries_count >= MOST_ENTRIES:
        raise SheetFull(most=MOST_ENTRIES)


def check_open(sheet: OrderSheet) -> None:
    """Raise `SheetOver` when the sheet is decided."""
    if sheet.status is not SheetStatus.OPEN:
        raise SheetOver(status=sheet.status.value)


def is_minimum_met(sheet: OrderSheet) -> bool:
    """Say whether enough is paid for everything paid to be delivered."""
    return sheet.paid_fen >= sheet.minimum_fen


def missing_fen(sheet: OrderSheet) -> Fen:
    """Return how much must still be paid until the minimum is met."""
    return Fen(max(sheet.minimum_fen - sheet.paid_fen, 0))


def _clean(text: str, what: str, *, longest: int, kept: str = "") -> str:
    clean = unicodedata.normalize("NFC", text).strip()
    if len(clean) > longest:
        raise BadSheet(reason=f"the {what} is longer than {longest} characters")
    seen = set(clean) - set(kept) - _JOINERS
    if any(unicodedata.category(character) in _REFUSED for character in seen):
        raise BadSheet(reason=f"the {what} holds characters that cannot be seen")
    return clean
