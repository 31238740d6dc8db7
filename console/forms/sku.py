"""The form of a SKU: prices in yuan, limits, rules, where it is sold, the band of leaders."""

from dataclasses import dataclass, field
from typing import Any, Final

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from console.forms.typed import Typed
from kit.money import Fen, to_yuan
from shop.catalog import rules
from shop.catalog.models import RefundRule, SaleChannel, Sku, SkuKind
from shop.catalog.rules import Listing, SkuTerms

USUAL: Final = {
    "kind": SkuKind.CARD_CODE.value,
    "limit_per_order": "10",
    "refund_rule": RefundRule.UNTIL_REVEALED.value,
    "warranty_days": "30",
}
FIELDS: Final = (
    *USUAL,
    "sku_code",
    "title",
    "face_value",
    "list_price",
    "cost",
    "limit_per_day",
    "limit_ever",
    "help_sell_min",
    "help_sell_max",
    "why",
)
LONGEST: Final = 200


@dataclass
class SkuForm(Typed):
    """What was typed of a SKU, and what is wrong with it."""

    channels: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, given: MultiDict[str, str]) -> "SkuForm":
        """Take the fields of a form; others are not looked at."""
        typed = {name: given.get(name, "").strip()[:LONGEST] for name in FIELDS}
        return cls(typed, channels=given.getlist("on_sale")[: len(SaleChannel)])

    @classmethod
    def empty(cls) -> "SkuForm":
        """Return a form with what is usual filled in, on sale everywhere."""
        typed = {name: USUAL.get(name, "") for name in FIELDS}
        return cls(typed, channels=[one.value for one in SaleChannel])

    @classmethod
    def of(cls, sku: Sku) -> "SkuForm":
        """Return a form that says how a SKU is."""
        typed = {
            "kind": sku.kind.value,
            "sku_code": sku.code,
            "title": sku.title,
            "face_value": to_yuan(sku.face_value_fen),
            "list_price": to_yuan(sku.list_price_fen),
            "cost": to_yuan(sku.cost_fen),
            "limit_per_order": str(sku.limit_per_order),
            "limit_per_day": _shown(sku.limit_per_day),
            "limit_ever": _shown(sku.limit_ever),
            "refund_rule": sku.refund_rule.value,
            "warranty_days": str(sku.warranty_days),
            "help_sell_min": _yuan(sku.help_sell_min_fen),
            "help_sell_max": _yuan(sku.help_sell_max_fen),
            "why": "",
        }
        return cls(typed, channels=[one.value for one in Listing.of(sku).on_sale])

    def identity(self) -> dict[str, Any]:
        """Return what is said once, of a new one: its code and its kind."""
        if rules.CODE_FORM.fullmatch(self.typed["sku_code"]) is None:
            self.errors["sku_code"] = _("请填写 1 到 40 个字母、数字、点、横线或下划线")
        return {"code": self.typed["sku_code"], "kind": self.one_of("kind", SkuKind)}

    def listing(self, *, face_value_fen: Fen | None = None) -> Listing:
        """Return how it is to be sold; `errors` say which fields make no sense.

        A face value that stays is not typed.
        """
        terms = SkuTerms(
            face_value_fen=face_value_fen or self.amount("face_value"),
            list_price_fen=self.amount("list_price"),
            cost_fen=self.amount("cost", least=0),
            limit_per_order=self.count("limit_per_order", least=1, most=rules.MOST_PER_ORDER),
            limit_per_day=self.count_or_none("limit_per_day", least=1, most=rules.MOST_LIMIT),
            limit_ever=self.count_or_none("limit_ever", least=1, most=rules.MOST_LIMIT),
            refund_rule=self.one_of("refund_rule", RefundRule),
            warranty_days=self.count("warranty_days", least=0, most=rules.MOST_WARRANTY_DAYS),
            help_sell_min_fen=self.amount_or_none("help_sell_min"),
            help_sell_max_fen=self.amount_or_none("help_sell_max"),
        )
        title = self.text("title", least=1, most=rules.MOST_TITLE)
        self._check_band(terms)
        on_sale = frozenset(one for one in SaleChannel if one.value in self.channels)
        return Listing(title=title, terms=terms, on_sale=on_sale)

    def _check_band(self, terms: SkuTerms) -> None:
        lowest, highest = terms.help_sell_min_fen, terms.help_sell_max_fen
        if {"help_sell_min", "help_sell_max", "cost"} & self.errors.keys():
            return
        if (lowest is None) != (highest is None):
            empty = "help_sell_min" if lowest is None else "help_sell_max"
            self.errors[empty] = _("最低价和最高价要一起填写，或都不填")
        elif lowest is not None and highest is not None and lowest > highest:
            self.errors["help_sell_max"] = _("最高价不能低于最低价")
        elif lowest is not None and lowest < terms.cost_fen:
            self.errors["help_sell_min"] = _("帮卖最低价不能低于成本")


def _shown(limit: int | None) -> str:
    return "" if limit is None else str(limit)


def _yuan(fen: Fen | None) -> str:
    return "" if fen is None else to_yuan(fen)
