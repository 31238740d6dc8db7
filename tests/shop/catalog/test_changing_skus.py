"""Changing a SKU: what may change, what needs a second person, what the database itself keeps."""

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from kit.db import Begin
from kit.money import Fen
from shop.cards import queries as cards
from shop.catalog import queries, service
from shop.catalog.models import Sku, SkuKind
from shop.catalog.rules import (
    BadBand,
    BadSku,
    FaceValueStays,
    Listing,
    NeedsSecondPerson,
    SkuTerms,
    loss_of,
    needs_second_person,
)
from tests.shop.cards.stock import TERMS, Stock

FEE = 60
ALONE: dict[str, dict[str, int]] = {
    "dearer": {"list_price_fen": 950},
    "a smaller margin": {"list_price_fen": 805},
    "a higher cost below the price": {"cost_fen": 890},
}
BY_TWO: dict[str, dict[str, int]] = {
    "below cost": {"list_price_fen": 799},
    "at cost, which the fee makes a loss": {"list_price_fen": 800},
    "a cost above the price": {"cost_fen": 901},
    "a lower cost": {"cost_fen": 799},
    "both lower, and a margin as before": {"cost_fen": 700, "list_price_fen": 800},
}
fen = st.integers(1, 10_000).map(Fen)


@pytest.fixture
def stock(begin: Begin, now: datetime) -> Stock:
    """Return a shelf of which nothing stays."""
    return Stock(begin, now)


def changed(**amounts: int) -> SkuTerms:
    """Return the stock's terms with other amounts."""
    given_terms: dict[str, Any] = {name: Fen(amount) for name, amount in amounts.items()}
    return replace(TERMS, **given_terms)


def change(stock: Stock, terms: SkuTerms, *, approved_by: str | None = None) -> None:
    """Sell the stock's SKU on these terms."""
    with stock.begin() as session:
        sku = service.lock_sku(session, stock.sku_id)
        service.change_sku(
            session,
            sku,
            replace(Listing.of(sku), terms=terms),
            has_cards=cards.hold_has_cards(session, sku.id),
            fee_basis_points=FEE,
            approved_by=approved_by,
        )


def terms_of(stock: Stock) -> SkuTerms:
    """Return the terms on which the stock's SKU is sold."""
    with stock.begin() as session:
        return Listing.of(session.get_one(Sku, stock.sku_id)).terms


class TestSecondPerson:
    @pytest.mark.parametrize("amounts", ALONE.values(), ids=ALONE)
    def test_one_person_changes_what_loses_nothing(
        self, stock: Stock, amounts: dict[str, int]
    ) -> None:
        stock.add(count=1)
        change(stock, changed(**amounts))
        assert terms_of(stock) == changed(**amounts)

    @pytest.mark.parametrize("amounts", BY_TWO.values(), ids=BY_TWO)
    def test_h133_two_persons_change_what_does(self, stock: Stock, amounts: dict[str, int]) -> None:
        stock.add(count=1)
        with pytest.raises(NeedsSecondPerson):
            change(stock, changed(**amounts))
        assert terms_of(stock) == TERMS
        change(stock, changed(**amounts), approved_by="wang")
        assert terms_of(stock) == changed(**amounts)

    def test_a_loss_that_shrinks_or_stays_needs_nobody(self, stock: Stock) -> None:
        change(stock, changed(list_price_fen=700), approved_by="wang")
        change(stock, changed(list_price_fen=750, warranty_days=60))
        with pytest.raises(NeedsSecondPerson):
            change(stock, changed(list_price_fen=749))

    def test_a_mistyped_cost_of_what_has_no_cards_is_mended_alone(self, stock: Stock) -> None:
        change(stock, changed(cost_fen=80))
        assert terms_of(stock).cost_fen == 80

    def test_a_new_one_at_a_loss_needs_two_persons(self, stock: Stock) -> None:
        terms = changed(list_price_fen=799)
        with stock.begin() as session:
            found = session.get_one(Sku, stock.sku_id)
            add = partial(
                service.add_sku,
                session,
                service.lock_product(session, found.product_id),
                title="10 元",
                kind=SkuKind.CARD_CODE,
                terms=terms,
                fee_basis_points=FEE,
                now=stock.now,
            )
            with pytest.raises(NeedsSecondPerson):
                add(code="LOSS")
            assert add(code="LOSS", approved_by="wang").list_price_fen == 799

    @given(old_price=fen, old_cost=fen, price=fen, cost=fen, has_cards=st.booleans())
    def test_no_step_of_one_person_adds_to_a_loss(
        self, old_price: Fen, old_cost: Fen, price: Fen, cost: Fen, has_cards: bool
    ) -> None:
        old = changed(list_price_fen=old_price, cost_fen=old_cost)
        new = changed(list_price_fen=price, cost_fen=cost)
        if not needs_second_person(old, new, fee_basis_points=FEE, has_cards=has_cards):
            assert loss_of(new, fee_basis_points=FEE) <= loss_of(old, fee_basis_points=FEE)
            assert not has_cards or cost >= old_cost


class TestChanging:
    def test_tells_and_reads_the_same(self, stock: Stock) -> None:
        with stock.begin() as session:
            listing = Listing.of(session.get_one(Sku, stock.sku_id))
        assert Listing.read(listing.tell()) == listing

    @pytest.mark.parametrize(
        ("amounts", "refusal"),
        [
            ({"list_price_fen": 0}, BadSku),
            ({"face_value_fen": -1}, BadSku),
            ({"cost_fen": -1}, BadSku),
            ({"limit_per_order": 101}, BadSku),
            ({"limit_per_day": 0}, BadSku),
            ({"warranty_days": 3651}, BadSku),
            ({"help_sell_min_fen": 850}, BadBand),
            ({"help_sell_min_fen": 799, "help_sell_max_fen": 900}, BadBand),
            ({"help_sell_min_fen": 901, "help_sell_max_fen": 900}, BadBand),
        ],
    )
    def test_what_makes_no_sense_is_refused(
        self, stock: Stock, amounts: dict[str, int], refusal: type[Exception]
    ) -> None:
        with pytest.raises(refusal):
            change(stock, changed(**amounts), approved_by="wang")
        assert terms_of(stock) == TERMS

    def test_a_cost_that_passes_the_band_is_refused(self, stock: Stock) -> None:
        band = {"help_sell_min_fen": 810, "help_sell_max_fen": 900}
        change(stock, changed(**band))
        with pytest.raises(BadBand):
            change(stock, changed(cost_fen=811, **band))

    def test_a_sku_that_is_not_there_is_said(self, stock: Stock) -> None:
        with stock.begin() as session, pytest.raises(queries.SkuNotFound):
            service.lock_sku(session, UUID(int=1))


class TestFaceValue:
    def test_is_changed_before_there_are_cards_and_never_after(self, stock: Stock) -> None:
        change(stock, changed(face_value_fen=2000))
        stock.add(count=1)
        with pytest.raises(FaceValueStays):
            change(stock, TERMS)
        assert terms_of(stock).face_value_fen == 2000

    def test_is_kept_by_the_database_itself(self, stock: Stock) -> None:
        stock.add(count=1)
        statement = text("UPDATE skus SET face_value_fen = 2000 WHERE id = :id")
        with pytest.raises(IntegrityError, match="face value"), stock.begin() as session:
            session.execute(statement, {"id": stock.sku_id})
