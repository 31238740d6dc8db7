"""Batches: added whole, known codes left out for ever, frozen, undone."""

import pytest
from sqlalchemy import func, select

from kit.ids import new_id
from kit.lifecycle import IllegalMove
from shop.cards import allotments, queries
from shop.cards.batches import (
    BatchInUse,
    NewCard,
    Origin,
    add_batch,
    freeze_batch,
    undo_batch,
    unfreeze_batch,
)
from shop.cards.models import Batch, BatchStatus, Card
from shop.cards.queries import BatchNotFound
from shop.cards.vault import CardSecret
from tests.shop.cards.stock import Stock
from tests.shop.cards.test_vault import SPELLINGS


def undo(stock: Stock, batch: object) -> int:
    with stock.begin() as session:
        found = queries.get_batch(session, batch)  # type: ignore[arg-type]  # its id
        return undo_batch(session, found, actor="test", now=stock.now)


class TestAddBatch:
    def test_opens_with_what_was_added(self, stock: Stock) -> None:
        added = stock.add(count=5)
        batch = stock.batch(added.batch_id)
        assert (batch.status, batch.cards_count, batch.source) == (BatchStatus.OPEN, 5, "supplier")
        assert batch.master_key_version == "v1"
        stock.check()

    def test_e82_leaves_out_every_spelling_of_a_known_code(self, stock: Stock) -> None:
        stock.add("ABCD-1234-EFGH")
        added = stock.add(*SPELLINGS, "another-code")
        assert added.cards == 1
        assert added.duplicate_lines == list(range(1, len(SPELLINGS) + 1))
        stock.check()

    def test_e82_leaves_out_repetitions_in_one_chunk(self, stock: Stock) -> None:
        added = stock.add("code-1", "CODE 1", "code-2")
        assert (added.cards, added.duplicate_lines) == (2, [2])

    def test_e82_knows_a_sold_and_revealed_code_for_ever(self, stock: Stock) -> None:
        stock.add("sold-and-seen")
        _, (card_id,) = stock.sold()
        stock.reveal(card_id)
        assert stock.add("SOLD AND SEEN").cards == 0
        assert stock.add("sold-and-seen", sku=stock.make_sku("another")).cards == 0

    def test_leaves_nothing_when_it_breaks_off(self, stock: Stock) -> None:
        def broken() -> object:
            yield from (NewCard(line, CardSecret(f"code-{line}")) for line in range(2500))
            raise OSError("the disk is gone")

        with pytest.raises(OSError, match="disk"), stock.begin() as session:
            add_batch(
                session,
                stock.vault,
                sku_id=stock.sku_id,
                cards=broken(),  # type: ignore[arg-type]  # a generator of cards
                origin=Origin("f", "0" * 64),
                now=stock.now,
            )
        with stock.begin() as session:
            assert session.scalar(select(func.count()).select_from(Card)) == 0
            assert session.scalar(select(func.count()).select_from(Batch)) == 0

    def test_tells_how_far_it_is(self, stock: Stock) -> None:
        told: list[int] = []
        with stock.begin() as session:
            add_batch(
                session,
                stock.vault,
                sku_id=stock.sku_id,
                cards=[NewCard(line, CardSecret(f"code-{line}")) for line in range(4100)],
                origin=Origin("f", "0" * 64),
                now=stock.now,
                on_progress=told.append,
            )
        assert told == [2000, 4000, 4100]


class TestFreezeBatch:
    def test_once_and_back(self, stock: Stock) -> None:
        added = stock.add(count=2)
        with stock.begin() as session:
            batch = queries.get_batch(session, added.batch_id)
            freeze_batch(session, batch, actor="test", now=stock.now)
            with pytest.raises(IllegalMove):
                freeze_batch(session, batch, actor="test", now=stock.now)
            unfreeze_batch(session, batch, actor="test", now=stock.now)
        stock.reserve(stock.line(quantity=2), 2)

    def test_delivered_cards_are_still_revealed(self, stock: Stock) -> None:
        added = stock.add(count=1)
        _, (card_id,) = stock.sold()
        with stock.begin() as session:
            batch = queries.get_batch(session, added.batch_id)
            freeze_batch(session, batch, actor="test", now=stock.now)
        assert stock.reveal(card_id).code


class TestUndoBatch:
    def test_removes_the_cards_and_forgets_the_codes(self, stock: Stock) -> None:
        added = stock.add("wrong-sku-code")
        assert undo(stock, added.batch_id) == 1
        assert stock.batch(added.batch_id).status is BatchStatus.UNDONE
        assert stock.add("wrong-sku-code", sku=stock.make_sku("right")).cards == 1

    @pytest.mark.parametrize("state", ["reserved", "returned", "delivered", "revealed"])
    def test_refuses_once_a_card_was_held(self, stock: Stock, state: str) -> None:
        added = stock.add(count=2)
        line = stock.line()
        stock.reserve(line)
        if state == "returned":
            stock.release(line)
        if state in ("delivered", "revealed"):
            stock.deliver(line)
        if state == "revealed":
            stock.reveal(stock.cards_of(line)[0])
        with pytest.raises(BatchInUse):
            undo(stock, added.batch_id)
        assert stock.batch(added.batch_id).status is BatchStatus.OPEN
        stock.check()

    def test_refuses_while_a_card_is_set_aside(self, stock: Stock) -> None:
        added = stock.add(count=2)
        campaign = new_id()
        with stock.begin() as session:
            allotments.set_aside(
                session, sku_id=stock.sku_id, allotted_to=campaign, quantity=1, now=stock.now
            )
        with pytest.raises(BatchInUse):
            undo(stock, added.batch_id)
        with stock.begin() as session:
            allotments.give_back(session, allotted_to=campaign)
        assert undo(stock, added.batch_id) == 2

    def test_a_frozen_one_too_and_only_once(self, stock: Stock) -> None:
        added = stock.add(count=1)
        with stock.begin() as session:
            batch = queries.get_batch(session, added.batch_id)
            freeze_batch(session, batch, actor="test", now=stock.now)
        assert undo(stock, added.batch_id) == 1
        with pytest.raises(IllegalMove):
            undo(stock, added.batch_id)


class TestGetBatch:
    def test_refuses_an_unknown_one(self, stock: Stock) -> None:
        with stock.begin() as session, pytest.raises(BatchNotFound):
            queries.get_batch(session, stock.sku_id)


class TestListBatches:
    def test_newest_first_of_a_sku(self, stock: Stock) -> None:
        one, two = stock.add(count=1), stock.add(count=1)
        stock.add(count=1, sku=stock.make_sku("another"))
        with stock.begin() as session:
            found = queries.list_batches(session, sku_id=stock.sku_id)
            assert [batch.id for batch in found] == [two.batch_id, one.batch_id]
            assert len(queries.list_batches(session)) == 3
