"""The form of a product: what members see of it, whatever SKUs it has."""

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import gettext as _

from console.forms.typed import Typed
from shop.catalog import rules
from shop.catalog.models import Product, Scenario

FIELDS: Final = ("title", "brand", "scenario", "pictures", "purchase_notes")
LONGEST: Final = 5000


class ProductForm(Typed):
    """What was typed of a product, and what is wrong with it."""

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "ProductForm":
        """Take the fields of a form; others are not looked at."""
        typed = {name: given.get(name, "").strip()[:LONGEST] for name in FIELDS}
        return cls({name: text.replace("\r\n", "\n") for name, text in typed.items()})

    @classmethod
    def of(cls, product: Product) -> "ProductForm":
        """Return a form that says how a product is."""
        return cls(
            {
                "title": product.title,
                "brand": product.brand,
                "scenario": product.scenario.value,
                "pictures": "\n".join(product.pictures),
                "purchase_notes": product.purchase_notes,
            }
        )

    def plan(self) -> dict[str, Any]:
        """Return what the services take; `errors` say which fields make no sense."""
        return {
            "title": self.text("title", least=1, most=rules.MOST_TITLE),
            "brand": self.text("brand", least=1, most=rules.MOST_BRAND),
            "scenario": self.one_of("scenario", Scenario),
            "pictures": self._pictures(),
            "purchase_notes": self.text("purchase_notes", most=rules.MOST_NOTES),
        }

    def _pictures(self) -> list[str]:
        lines = [line.strip() for line in self.typed["pictures"].splitlines()]
        found = [line for line in lines if line]
        if len(found) > rules.MOST_PICTURES or not all(map(rules.is_picture, found)):
            self.errors["pictures"] = _(
                "每行一个以 https:// 开头的图片地址，最多 %(most)s 个", most=rules.MOST_PICTURES
            )
        return found
