"""Pure rules of the catalogue: what a SKU promises and costs, and when it is sold at a loss."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from kit.errors import Conflict, Malformed
from kit.money import MOST_FEN, Fen, share_of
from shop.catalog.models import RefundRule, SaleChannel, Sku

MOST_TITLE: Final = 80
MOST_BRAND: Final = 40
MOST_CODE: Final = 40
MOST_NOTES: Final = 2000
MOST_PICTURES: Final = 9
MOST_ADDRESS: Final = 300
MOST_PER_ORDER: Final = 100
MOST_LIMIT: Final = 1_000_000
MOST_WARRANTY_DAYS: Final = 3650
CODE_FORM: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{MOST_CODE - 1}}}")
PICTURE_FORM: Final = re.compile(r"https://[!-~]+")


class BadSku(Malformed):
    """A title, an amount or a limit makes no sense; `reason` says which."""

    code = "catalog.bad_sku"
    title = "The SKU makes no sense"
    message = "商品规格有误"


class BadProduct(Malformed):
    """A title, a brand, a picture or the notes make no sense; `reason` says which."""

    code = "catalog.bad_product"
    title = "The product makes no sense"
    message = "商品信息有误"


class BadBand(Malformed):
    """The lowest price is above the highest, or below what the SKU costs; `reason` says which."""

    code = "catalog.bad_band"
    title = "The price band makes no sense"
    message = "帮卖价格区间有误"


class NothingToSell(Conflict):
    """A product without a SKU is not shown: nobody could buy it."""

    code = "catalog.nothing_to_sell"
    title = "Add a SKU before the product is shown"
    message = "请先添加规格再上架"


class FaceValueStays(Conflict):
    """The SKU has cards, on which its face value stands."""

    code = "catalog.face_value_stays"
    title = "The face value of a SKU that has cards stays"
    message = "已有卡密的商品规格不能修改面值"


class NeedsSecondPerson(Conflict):
    """It would be sold at a loss, or a larger one, or cost less than its stock was bought for."""

    code = "catalog.needs_second_person"
    title = "A second person must approve a price below cost, or a lower cost"
    message = "低于成本价或调低成本需要第二人审批"


@dataclass(frozen=True, slots=True, kw_only=True)
class SkuTerms:
    """What a SKU promises and costs; amounts in fen, limits in units (None: no limit)."""

    face_value_fen: Fen
    list_price_fen: Fen
    cost_fen: Fen
    limit_per_order: int = 10
    limit_per_day: int | None = None
    limit_ever: int | None = None
    refund_rule: RefundRule = RefundRule.UNTIL_REVEALED
    warranty_days: int = 30
    help_sell_min_fen: Fen | None = None  # None: leaders do not sell it
    help_sell_max_fen: Fen | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Everything of a SKU that may be changed: its title, its terms, where it is sold."""

    title: str
    terms: SkuTerms
    on_sale: frozenset[SaleChannel]

    @classmethod
    def of(cls, sku: Sku) -> "Listing":
        """Return how the SKU stands."""
        terms = {field.name: getattr(sku, field.name) for field in fields(SkuTerms)}
        on_sale = frozenset(one for one in SaleChannel if sku.on_sale.get(one.value, False))
        return cls(title=sku.title, terms=SkuTerms(**terms), on_sale=on_sale)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "Listing":
        """Return what `tell` told."""
        terms = {field.name: told[field.name] for field in fields(SkuTerms)}
        rule = RefundRule(told["refund_rule"])
        return cls(
            title=told["title"],
            terms=SkuTerms(**{**terms, "refund_rule": rule}),
            on_sale=frozenset(SaleChannel(one) for one in told["on_sale"]),
        )

    def tell(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "title": self.title,
            **asdict(self.terms),
            "refund_rule": self.terms.refund_rule.value,
            "on_sale": sorted(one.value for one in self.on_sale),
        }


def margin_of(price_fen: Fen, cost_fen: Fen, *, fee_basis_points: int) -> int:
    """Return what a unit earns after cost and the platform's fee, in fen; negative: a loss."""
    return price_fen - share_of(price_fen, basis_points=fee_basis_points) - cost_fen


def loss_of(terms: SkuTerms, *, fee_basis_points: int) -> Fen:
    """Return what is lost on each unit that is sold at the list price, in fen."""
    margin = margin_of(terms.list_price_fen, terms.cost_fen, fee_basis_points=fee_basis_points)
    return Fen(max(-margin, 0))


def needs_second_person(
    old: SkuTerms | None, new: SkuTerms, *, fee_basis_points: int, has_cards: bool
) -> bool:
    """Say whether a second person decides: a larger loss, or a lower cost of stock that is there.

    The cost is what every price is measured by: whoever lowers it makes a loss look like none.
    """
    loss_before = 0 if old is None else loss_of(old, fee_basis_points=fee_basis_points)
    if loss_of(new, fee_basis_points=fee_basis_points) > loss_before:
        return True
    return old is not None and has_cards and new.cost_fen < old.cost_fen


def check_product(*, title: str, brand: str, pictures: Sequence[str], purchase_notes: str) -> None:
    """Raise `BadProduct` unless it makes sense."""
    faults = {
        "a title has 1 to 80 characters": not 1 <= len(title.strip()) <= MOST_TITLE,
        "a brand has 1 to 40 characters": not 1 <= len(brand.strip()) <= MOST_BRAND,
        "there are at most 9 pictures": len(pictures) > MOST_PICTURES,
        "a picture has an https address": not all(map(is_picture, pictures)),
        "notes have at most 2000 characters": len(purchase_notes) > MOST_NOTES,
    }
    for reason, is_fault in faults.items():
        if is_fault:
            raise BadProduct(reason=reason)


def is_picture(address: str) -> bool:
    """Say whether the mini-program can load a picture from there."""
    return len(address) <= MOST_ADDRESS and PICTURE_FORM.fullmatch(address) is not None


def check_code(code: str) -> None:
    """Raise `BadSku` unless operators can name a SKU so."""
    if CODE_FORM.fullmatch(code) is None:
        raise BadSku(reason="a code has 1 to 40 letters, digits, dots, dashes or underscores")


def check_listing(listing: Listing) -> None:
    """Raise `BadSku` or `BadBand` unless it makes sense."""
    terms = listing.terms
    amounts = (terms.face_value_fen, terms.list_price_fen)
    limits = [one for one in (terms.limit_per_day, terms.limit_ever) if one is not None]
    faults = {
        "a title has 1 to 80 characters": not 1 <= len(listing.title.strip()) <= MOST_TITLE,
        "an amount is above nothing": not all(0 < one <= MOST_FEN for one in amounts),
        "a cost is not below nothing": not 0 <= terms.cost_fen <= MOST_FEN,
        "an order has 1 to 100 units": not 1 <= terms.limit_per_order <= MOST_PER_ORDER,
        "a limit is above nothing": not all(1 <= one <= MOST_LIMIT for one in limits),
        "a warranty is of at most ten years": not 0 <= terms.warranty_days <= MOST_WARRANTY_DAYS,
    }
    for reason, is_fault in faults.items():
        if is_fault:
            raise BadSku(reason=reason)
    check_band(terms.help_sell_min_fen, terms.help_sell_max_fen, cost_fen=terms.cost_fen)


def check_band(min_fen: Fen | None, max_fen: Fen | None, *, cost_fen: Fen) -> None:
    """Raise `BadBand` unless leaders may sell at these prices, or at none."""
    if min_fen is None and max_fen is None:
        return
    if min_fen is None or max_fen is None or not 0 < min_fen <= max_fen <= MOST_FEN:
        raise BadBand(reason="the lowest price is not above nothing and up to the highest")
    if min_fen < cost_fen:
        raise BadBand(reason="the lowest price is below the cost")
