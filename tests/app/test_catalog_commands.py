"""`flask catalog …` as an operator at the shell types it: a price below cost names two persons."""

from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

import app.tables  # noqa: F401 - the foreign keys name tables of every room
from app import process
from app.commands import catalog
from kit.db import Begin
from shop.catalog.models import Product, ProductStatus, Sku
from shop.operators.models import OperatorAction

Run = Callable[..., Result]
SKU = ("--code", "QH-30", "--title", "月卡", "--face-value-fen", 3000, "--price-fen", 2590)


@pytest.fixture
def flask(begin: Begin, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command over a database of which nothing stays."""
    ports = SimpleNamespace(begin=begin, clock=lambda: now, fee_basis_points=60)
    monkeypatch.setattr(process, "ports", lambda: ports)

    def run(*words: object) -> Result:
        return CliRunner().invoke(catalog.group, [str(word) for word in words])

    return run


def add_product(flask: Run, **more: Any) -> str:
    """Return the id of a product."""
    given = {"title": "影音卡", "brand": "青禾", "scenario": "video", **more}
    return flask(
        "add-product", *(word for name, value in given.items() for word in (f"--{name}", value))
    ).output.strip()


def test_a_product_is_shown_once_it_has_a_sku(flask: Run, begin: Begin) -> None:
    product = add_product(flask)
    assert "Add a SKU" in flask("publish", product).output
    added = flask("add-sku", product, *SKU, "--cost-fen", 2000, "--not-on", "h5")
    assert added.exit_code == 0, added.output
    assert flask("publish", product).exit_code == 0
    with begin() as session:
        sku = session.get_one(Sku, UUID(added.output.strip()))
        assert session.get_one(Product, UUID(product)).status is ProductStatus.PUBLISHED
        deed = session.scalars(select(OperatorAction)).one()
    assert (sku.list_price_fen, sku.on_sale["h5"], sku.on_sale["alipay"]) == (2590, False, True)
    assert (deed.action, deed.actor, deed.subject) == ("catalog.add_sku", "command", str(sku.id))


def test_h133_a_price_below_cost_names_somebody_else(flask: Run, begin: Begin) -> None:
    words = ("add-sku", add_product(flask), *SKU, "--cost-fen", 2600)
    for more in ((), ("--approved-by", "operator"), ("--by", "li", "--approved-by", "li")):
        refused = flask(*words, *more)
        assert refused.exit_code == 1
        assert "A second person must approve" in refused.output
    assert flask(*words, "--by", "li", "--approved-by", "wang").exit_code == 0
    with begin() as session:
        deed = session.scalars(select(OperatorAction)).one()
    assert deed.after is not None
    assert (deed.after["by"], deed.after["approved_by"]) == ("li", "wang")


@pytest.mark.parametrize(
    ("product", "words"),
    [({"title": "x" * 81}, SKU), ({"picture": "http://x"}, SKU), ({}, ("--code", "a b", *SKU[2:]))],
)
def test_what_makes_no_sense_is_refused_in_a_line(
    flask: Run, product: dict[str, str], words: tuple[object, ...]
) -> None:
    told = add_product(flask, **product)
    if not product:
        told = flask("add-sku", told, *words, "--cost-fen", 1).output
    assert told.startswith("Error: The ")
    assert "makes no sense" in told
