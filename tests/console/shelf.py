"""A planner in front of the catalogue: products and SKUs made by forms, and read from rows."""

import re
from typing import Any
from uuid import UUID

from sqlalchemy import select
from werkzeug.test import TestResponse

from kit.crypto import new_token
from kit.money import to_yuan
from shop.approvals.models import Approval
from shop.catalog.models import Product, Sku
from shop.operators.models import OperatorAction
from tests.console.office import Clerk, Office, hidden
from tests.console.test_campaigns import landed
from tests.miniprogram_api.cards import import_codes


class Shelf:
    """What planners do to products and SKUs."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.world = office.world
        self.clerk = office.clerk("planner")

    def product_fields(self, **changes: str) -> dict[str, str]:
        """Return the fields of a new product."""
        return {
            "title": "影音月卡",
            "brand": "青禾",
            "scenario": "video",
            "pictures": "https://img.example/1.png\r\nhttps://img.example/2.png",
            "purchase_notes": "仅限本人使用",
            "form_key": new_token(),
            **changes,
        }

    def sku_fields(self, **changes: Any) -> dict[str, Any]:
        """Return the fields of a new SKU that sells at a profit."""
        return {
            "sku_code": f"QH-{new_token()[:8]}",
            "kind": "card_code",
            "title": "30 元",
            "face_value": "30",
            "list_price": "25.9",
            "cost": "20.00",
            "limit_per_order": "10",
            "limit_per_day": "",
            "limit_ever": "",
            "refund_rule": "until_revealed",
            "warranty_days": "30",
            "help_sell_min": "",
            "help_sell_max": "",
            "on_sale": ["weapp_ios", "weapp_android", "alipay"],
            "form_key": new_token(),
            **changes,
        }

    def add_product(self, **changes: str) -> str:
        """Make a product and return its id."""
        return landed(self.clerk.post("/products/new", **self.product_fields(**changes)))

    def add_sku(self, product_id: str = "", *, stock: int = 0, **changes: Any) -> str:
        """Make a SKU and return its id."""
        product_id = product_id or self.add_product()
        fields = self.sku_fields(**changes)
        sku_id = landed(self.clerk.post(f"/products/{product_id}/skus/new", **fields))
        if stock:
            self.stock(sku_id, stock)
        return sku_id

    def stock(self, sku_id: str, count: int) -> None:
        """Import fresh codes."""
        world = self.world
        import_codes(world.begin, world.vault, UUID(sku_id), count, now=world.now)

    def change(self, sku_id: str, *, by: Clerk | None = None, **changes: Any) -> TestResponse:
        """Send the form of a SKU as it stands, but for these fields."""
        clerk, path, sku = by or self.clerk, f"/skus/{sku_id}", self.sku(sku_id)
        page = clerk.page(path)
        has_field = 'name="face_value"' in page  # without cards
        fields = self.sku_fields(
            title=sku.title,
            list_price=to_yuan(sku.list_price_fen),
            cost=to_yuan(sku.cost_fen),
            on_sale=[name for name, is_on in sku.on_sale.items() if is_on],
            face_value=to_yuan(sku.face_value_fen) if has_field else "",
        )
        fields["version"] = hidden(page, "version")
        return clerk.post(f"{path}/change", **{**fields, **changes})

    def ask(self, sku_id: str, *, by: Clerk | None = None, **changes: Any) -> str:
        """Ask a second person for a change, and return the request's id."""
        answer = self.change(sku_id, by=by, do="ask", **{"why": "清仓", **changes})
        assert "/console/approvals/" in answer.headers.get("Location", ""), answer.text
        return landed(answer)

    def sku(self, sku_id: str) -> Sku:
        """Return a SKU as it stands."""
        with self.world.begin() as session:
            return session.get_one(Sku, UUID(sku_id))

    def product(self, product_id: str) -> Product:
        """Return a product as it stands."""
        with self.world.begin() as session:
            return session.get_one(Product, UUID(product_id))

    def approval(self, approval_id: str) -> Approval:
        """Return a request as it stands."""
        with self.world.begin() as session:
            return session.get_one(Approval, UUID(approval_id))

    def deed(self, action: str) -> OperatorAction:
        """Return the newest deed with this name."""
        with self.world.begin() as session:
            return session.scalars(
                select(OperatorAction)
                .where(OperatorAction.action == action)
                .order_by(OperatorAction.id.desc())
                .limit(1)
            ).one()


def error_of(page: str, name: str) -> str:
    """Return what the page says is wrong with a field, or nothing."""
    found = re.search(rf'id="{name}-error">([^<]*)<', page)
    return found[1] if found else ""
