"""A SKU changed in the moment in which its codes are imported, or in which somebody orders it."""

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from time import sleep
from uuid import uuid4

import pytest

from kit.db import Begin
from shop.cards.batches import NewCard, Origin, add_batch
from shop.cards.vault import CardSecret
from shop.catalog.models import SaleChannel, Sku
from shop.catalog.rules import FaceValueStays
from shop.catalog.service import publish_product
from shop.orders import queries as orders
from shop.orders.rules import LineWanted
from shop.orders.service import place_order
from tests.shop.cards.stock import TERMS, Stock
from tests.shop.catalog.test_changing_skus import change, changed, terms_of

pytestmark = pytest.mark.race
HELD_SECONDS = 0.3


@pytest.fixture
def stock(real_begin: Begin, now: datetime) -> Stock:
    """Return a shelf with real commits."""
    return Stock(real_begin, now)


def test_a_face_value_waits_for_an_import_and_then_stays(stock: Stock) -> None:
    with ThreadPoolExecutor() as others:
        with stock.begin() as session:
            add_batch(
                session,
                stock.vault,
                sku_id=stock.sku_id,
                cards=[NewCard(1, CardSecret(uuid4().hex))],
                origin=Origin("codes.csv", uuid4().hex * 2, "supplier"),
                now=stock.now,
            )
            changing: Future[None] = others.submit(change, stock, changed(face_value_fen=5000))
            sleep(HELD_SECONDS)
            assert not changing.done()
        with pytest.raises(FaceValueStays):
            changing.result(timeout=30)
    assert terms_of(stock) == TERMS


def test_a_price_does_not_wait_for_an_order_which_keeps_its_own(stock: Stock) -> None:
    stock.add(count=2)
    with stock.begin() as session:
        product_id = session.get_one(Sku, stock.sku_id).product_id
        publish_product(session, product_id, actor="test", now=stock.now)
    with stock.begin() as session, ThreadPoolExecutor() as others:
        order = place_order(
            session,
            member_id=stock.member_id,
            sale_channel=SaleChannel.H5,
            wanted=[LineWanted(stock.sku_id, 1)],
            pay_within=timedelta(minutes=15),
            now=stock.now,
        )
        others.submit(change, stock, changed(list_price_fen=950)).result(timeout=30)
        assert terms_of(stock).list_price_fen == 950
    with stock.begin() as session:
        line = orders.list_lines(session, [order.id])[0]
    assert (line.unit_price_fen, line.snapshot["list_price_fen"]) == (900, 900)
