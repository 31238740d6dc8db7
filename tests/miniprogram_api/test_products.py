"""The catalogue over HTTP."""

import json
from uuid import uuid4

import pytest

from miniprogram_api.product_views import MOST_COUNTED
from shop.catalog.models import ProductStatus, Sku
from tests.miniprogram_api.world import COST_FEN, World


class TestList:
    """GET /v1/products and /v1/home."""

    def test_shows_what_is_published(self, world: World) -> None:
        """With price and stock, without cost; drafts and withdrawn products are not there."""
        published = world.make_sku(stock=2, price_fen=880)
        draft = world.make_sku(status=ProductStatus.DRAFT)
        withdrawn = world.make_sku(status=ProductStatus.WITHDRAWN)
        for path, name in (("/v1/products", "items"), ("/v1/home", "products")):
            answer = world.visitor().get(path)
            shown = {product["skus"][0]["id"]: product for product in answer.get_json()[name]}
            assert not {str(draft), str(withdrawn)} & set(shown)
            product = shown[str(published)]
            assert product["from_price_fen"] == 880
            assert product["skus"][0]["stock_left"] == 2
            assert str(COST_FEN) not in json.dumps(product)

    def test_counts_no_further_than_anybody_buys(self, world: World) -> None:
        """A SKU may have a million cards, and the list is asked for all the time."""
        sku_id = str(world.make_sku(stock=MOST_COUNTED + 2))
        listed = world.visitor().get("/v1/products").get_json()["items"]
        skus = {sku["id"]: sku for product in listed for sku in product["skus"]}
        assert skus[sku_id]["stock_left"] == MOST_COUNTED

    def test_can_buy_says_why_not(self, world: World) -> None:
        """Sold out, or not sold where the client runs."""
        world.make_sku(stock=0)
        world.make_sku(stock=1, on_sale={"alipay": True})
        # The two that were made last come first.
        listed = world.visitor().get("/v1/products", headers={"X-Client-Channel": "weapp_ios"})
        reasons = [item["skus"][0]["can_buy"] for item in listed.get_json()["items"][:2]]
        assert reasons == [
            {"ok": False, "reason": "not_sold_here"},
            {"ok": False, "reason": "sold_out"},
        ]
        there = world.visitor().get("/v1/products", headers={"X-Client-Channel": "alipay"})
        assert there.get_json()["items"][0]["skus"][0]["can_buy"] == {"ok": True, "reason": None}

    def test_etag_follows_the_content(self, world: World) -> None:
        """304 while nothing changes, another tag after a sale."""
        sku_id = world.make_sku(stock=2)
        visitor = world.visitor()
        first = visitor.get("/v1/products")
        tag = {"If-None-Match": first.headers["ETag"]}
        assert visitor.get("/v1/products", headers=tag).status_code == 304
        world.member().order(sku_id)
        assert visitor.get("/v1/products", headers=tag).status_code == 200

    def test_by_scenario(self, world: World) -> None:
        """Only those of the scenario; a scenario that is none is 422."""
        sku_id = str(world.make_sku())
        visitor = world.visitor()
        found = {
            scenario: [
                sku["id"]
                for item in visitor.get(f"/v1/products?scenario={scenario}").get_json()["items"]
                for sku in item["skus"]
            ]
            for scenario in ("gaming", "work")
        }
        assert sku_id in found["gaming"]
        assert sku_id not in found["work"]
        assert visitor.get("/v1/products?scenario=' OR 1=1").status_code == 422


class TestSee:
    """GET /v1/products/{id}."""

    def test_one_product(self, world: World) -> None:
        """The same as in the list."""
        world.make_sku()
        visitor = world.visitor()
        item = visitor.get("/v1/products").get_json()["items"][0]
        read = visitor.get(f"/v1/products/{item['id']}").get_json()
        assert {name: read[name] for name in item} == item

    @pytest.mark.parametrize("status", [ProductStatus.DRAFT, ProductStatus.WITHDRAWN])
    def test_what_is_not_published_does_not_exist(
        self, world: World, status: ProductStatus
    ) -> None:
        """404 as for an id that never was."""
        sku_id = world.make_sku(status=status)
        with world.begin() as session:
            product_id = session.get_one(Sku, sku_id).product_id
        visitor = world.visitor()
        hidden = visitor.get(f"/v1/products/{product_id}")
        missing = visitor.get(f"/v1/products/{uuid4()}")
        assert hidden.status_code == missing.status_code == 404
        assert hidden.get_json()["code"] == missing.get_json()["code"]
