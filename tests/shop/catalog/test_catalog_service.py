"""The catalogue: what is added, shown, found and sold where."""

from datetime import datetime
from uuid import UUID, uuid4

import pytest

from kit.db import Begin
from kit.ids import new_id
from kit.lifecycle import IllegalMove
from kit.money import Fen
from shop.catalog import queries, service
from shop.catalog.models import Product, SaleChannel, Scenario, Sku, SkuKind
from shop.catalog.queries import ProductNotFound
from shop.catalog.rules import NothingToSell, SkuTerms
from shop.catalog.service import EVERYWHERE, SkuCodeTaken


class Catalog:
    """Products made in transactions of their own."""

    def __init__(self, begin: Begin, now: datetime) -> None:
        self.begin = begin
        self.now = now

    def product(self, *, scenario: Scenario = Scenario.GAMING, shown: bool = True) -> Product:
        with self.begin() as session:
            product = service.add_product(
                session, title="点卡", brand="Brand", scenario=scenario, now=self.now
            )
        if shown:
            self.sku(product)
            self.publish(product.id)
        return product

    def sku(
        self,
        product: Product,
        *,
        code: str = "",
        price: int = 900,
        on_sale: dict[SaleChannel, bool] | None = None,
    ) -> Sku:
        with self.begin() as session:
            return service.add_sku(
                session,
                product,
                code=code or uuid4().hex,
                title="10 元",
                kind=SkuKind.CARD_CODE,
                terms=SkuTerms(
                    face_value_fen=Fen(1000), list_price_fen=Fen(price), cost_fen=Fen(800)
                ),
                on_sale=EVERYWHERE if on_sale is None else on_sale,
                now=self.now,
            )

    def publish(self, product_id: UUID) -> None:
        with self.begin() as session:
            service.publish_product(session, product_id, actor="test", now=self.now)

    def withdraw(self, product_id: UUID) -> None:
        with self.begin() as session:
            service.withdraw_product(session, product_id, actor="test", now=self.now)


@pytest.fixture
def catalog(begin: Begin, now: datetime) -> Catalog:
    """Return an empty catalogue."""
    return Catalog(begin, now)


class TestProducts:
    def test_are_seen_only_while_published(self, catalog: Catalog) -> None:
        product = catalog.product(shown=False)

        def is_seen() -> bool:
            with catalog.begin() as session:
                try:
                    queries.get_product(session, product.id)
                except ProductNotFound:
                    return False
                return len(queries.list_products(session).items) == 1

        assert not is_seen()
        with pytest.raises(NothingToSell):
            catalog.publish(product.id)
        catalog.sku(product)
        catalog.publish(product.id)
        assert is_seen()
        catalog.withdraw(product.id)
        assert not is_seen()
        catalog.publish(product.id)
        assert is_seen()

    def test_move_only_as_listed(self, catalog: Catalog) -> None:
        product = catalog.product(shown=False)
        with pytest.raises(IllegalMove):
            catalog.withdraw(product.id)
        with pytest.raises(ProductNotFound):
            catalog.publish(new_id())

    def test_are_listed_by_scenario_newest_first_in_pages(self, catalog: Catalog) -> None:
        made = [catalog.product().id for _ in range(3)]
        catalog.product(scenario=Scenario.VIDEO)
        with catalog.begin() as session:
            first = queries.list_products(session, scenario=Scenario.GAMING, limit=2)
            rest = queries.list_products(
                session, scenario=Scenario.GAMING, cursor=first.next_cursor, limit=2
            )
        assert [product.id for product in [*first.items, *rest.items]] == made[::-1]
        assert rest.next_cursor is None


class TestSkus:
    def test_codes_are_taken_once(self, catalog: Catalog) -> None:
        product = catalog.product()
        catalog.sku(product, code="A-10")
        with pytest.raises(SkuCodeTaken):
            catalog.sku(catalog.product(), code="A-10")

    def test_are_listed_cheapest_first(self, catalog: Catalog) -> None:
        product = catalog.product(shown=False)
        dear, cheap = catalog.sku(product, price=950), catalog.sku(product, price=850)
        with catalog.begin() as session:
            listed = queries.list_skus(session, [product.id])
        assert [sku.id for sku in listed] == [cheap.id, dear.id]

    def test_are_for_sale_where_switched_on_and_shown(self, catalog: Catalog) -> None:
        shown, hidden = catalog.product(), catalog.product(shown=False)
        wanted = catalog.sku(shown, on_sale={SaleChannel.ALIPAY: True})
        others = [catalog.sku(hidden), catalog.sku(shown, on_sale={})]
        ids = [wanted.id, *(sku.id for sku in others)]
        for channel in SaleChannel:
            with catalog.begin() as session:
                found = queries.list_skus_for_sale(session, ids, sale_channel=channel)
            expected = [wanted.id] if channel is SaleChannel.ALIPAY else []
            assert [sku.id for sku, _ in found] == expected

    def test_are_found_by_code_or_id(self, catalog: Catalog) -> None:
        sku = catalog.sku(catalog.product(), code="A-10")
        with catalog.begin() as session:
            for name in ("A-10", str(sku.id)):
                found = queries.find_sku(session, name)
                assert found is not None
                assert found.id == sku.id
            assert queries.find_sku(session, "A-11") is None
            assert queries.find_sku(session, str(new_id())) is None
