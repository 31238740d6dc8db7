"""Cards on their way to a member, one step after another."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from kit.ids import new_id
from kit.outbox import OutboxEvent
from shop.cards import queries
from shop.cards import service as cards
from shop.cards.batches import freeze_batch, unfreeze_batch
from shop.cards.models import Card, Reveal
from shop.cards.queries import CardNotFound, expiry_key
from shop.cards.service import OutOfStock
from tests.shop.cards.stock import Stock

DAY = timedelta(days=1)


class TestReserve:
    @pytest.mark.parametrize("quantity", [1, 3])
    def test_holds_as_many_as_asked_for(self, stock: Stock, quantity: int) -> None:
        stock.add(count=5)
        line = stock.line(quantity=quantity)
        stock.reserve(line, quantity)
        assert len(stock.cards_of(line)) == quantity
        assert stock.counts() == {"free": 5 - quantity, "reserved": quantity}
        stock.check()

    @pytest.mark.parametrize("quantity", [1, 3])
    def test_refuses_when_there_are_fewer_and_holds_nothing(
        self, stock: Stock, quantity: int
    ) -> None:
        if quantity > 1:
            stock.add(count=quantity - 1)
        with pytest.raises(OutOfStock):
            stock.reserve(stock.line(quantity=quantity), quantity)
        assert "reserved" not in stock.counts()
        stock.check()

    def test_takes_the_soonest_to_expire_first(self, stock: Stock) -> None:
        stock.add(count=1)
        late = stock.add(count=1, expires_at=stock.now + 30 * DAY)
        soon = stock.add(count=1, expires_at=stock.now + 10 * DAY)
        batches: list[UUID] = []
        for _ in range(2):
            line = stock.line()
            stock.reserve(line)
            with stock.begin() as session:
                batches.append(session.get_one(Card, stock.cards_of(line)[0]).batch_id)
        assert batches == [soon.batch_id, late.batch_id]

    def test_never_takes_what_has_expired(self, stock: Stock) -> None:
        stock.add(count=1, expires_at=stock.now - DAY)
        stock.add(count=1, expires_at=stock.now)  # to the moment
        with pytest.raises(OutOfStock):
            stock.reserve(stock.line())
        stock.add(count=1, expires_at=stock.now + timedelta(seconds=1))
        stock.reserve(stock.line())

    def test_never_takes_what_is_frozen(self, stock: Stock) -> None:
        added = stock.add(count=1)
        with stock.begin() as session:
            batch = queries.get_batch(session, added.batch_id)
            freeze_batch(session, batch, actor="test", now=stock.now)
        with pytest.raises(OutOfStock):
            stock.reserve(stock.line())

    def test_never_takes_another_sku(self, stock: Stock) -> None:
        stock.add(count=3, sku=stock.make_sku("another"))
        with pytest.raises(OutOfStock):
            stock.reserve(stock.line())


class TestRelease:
    def test_frees_what_is_reserved_and_nothing_else(self, stock: Stock) -> None:
        stock.add(count=3)
        line, other = stock.line(), stock.line()
        stock.reserve(line)
        stock.reserve(other)
        assert stock.release(line) == 1
        assert stock.release(line) == 0
        assert len(stock.cards_of(other)) == 1
        _, delivered = stock.sold()
        assert stock.release(stock.line()) == 0
        assert len(delivered) == 1
        stock.check()

    def test_what_comes_back_to_a_frozen_batch_is_not_sold(self, stock: Stock) -> None:
        added = stock.add(count=1)
        line = stock.line()
        stock.reserve(line)
        with stock.begin() as session:
            freeze_batch(
                session, queries.get_batch(session, added.batch_id), actor="test", now=stock.now
            )
        stock.release(line)
        with pytest.raises(OutOfStock):
            stock.reserve(line)
        with stock.begin() as session:
            unfreeze_batch(
                session, queries.get_batch(session, added.batch_id), actor="test", now=stock.now
            )
        stock.reserve(line)


class TestDeliver:
    def test_gives_the_reserved_cards_to_the_member_once(self, stock: Stock) -> None:
        stock.add(count=2)
        line = stock.line(quantity=2)
        stock.reserve(line, 2)
        assert [stock.deliver(line), stock.deliver(line)] == [2, 0]
        with stock.begin() as session:
            page = queries.list_cards(session, stock.member_id)
            assert [card.id for card in page.items] == stock.cards_of(line)[::-1]
            assert {card.delivered_at for card in page.items} == {stock.now}
            assert queries.count_unrevealed(session, stock.member_id) == 2
        stock.check()


class TestTakeBack:
    def test_frees_only_what_nobody_saw(self, stock: Stock) -> None:
        stock.add(count=3)
        line, held = stock.sold(3)
        stock.reveal(held[0])
        assert stock.take_back(line) == 2
        assert stock.counts() == {"free": 2, "revealed": 1}
        with pytest.raises(CardNotFound):
            stock.reveal(held[1])
        stock.check()

    def test_frees_no_more_than_asked(self, stock: Stock) -> None:
        stock.add(count=3)
        line, _ = stock.sold(3)
        assert stock.take_back(line, 1) == 1
        assert stock.counts() == {"free": 1, "delivered": 2}


class TestReveal:
    def test_shows_the_code_and_writes_each_look_down(self, stock: Stock) -> None:
        stock.add("the-code-itself")
        _, (card_id,) = stock.sold()
        first = stock.reveal(card_id)
        stock.now += DAY
        again = stock.reveal(card_id)
        assert (first.code, first.password) == ("the-code-itself", None)
        assert again == first
        with stock.begin() as session:
            looks = session.scalars(select(Reveal).where(Reveal.card_id == card_id)).all()
            events = session.scalars(select(OutboxEvent)).all()
        assert [look.member_id for look in looks] == [stock.member_id] * 2
        assert [event.name for event in events] == ["cards.revealed"]
        assert "the-code-itself" not in str(events[0].payload)
        stock.check()

    def test_only_to_its_owner(self, stock: Stock) -> None:
        stock.add(count=1)
        _, (card_id,) = stock.sold()
        with pytest.raises(CardNotFound):
            stock.reveal(card_id, member_id=stock.make_member())
        with pytest.raises(CardNotFound):
            stock.reveal(new_id())

    def test_not_before_it_is_delivered(self, stock: Stock) -> None:
        stock.add(count=1)
        line = stock.line()
        stock.reserve(line)
        with pytest.raises(CardNotFound):
            stock.reveal(stock.cards_of(line)[0])

    def test_follows_a_member_who_joined_another(self, stock: Stock) -> None:
        stock.add(count=1)
        _, (card_id,) = stock.sold()
        other = stock.make_member()
        with stock.begin() as session:
            cards.reassign(session, from_member_id=stock.member_id, into_member_id=other)
        assert stock.reveal(card_id, member_id=other).code


class TestExpiryKey:
    def test_grows_with_the_day_and_never_is_last(self, stock: Stock) -> None:
        moments = [stock.now, stock.now + DAY, stock.now + 3650 * DAY, None]
        keys = [expiry_key(moment) for moment in moments]
        assert keys == sorted(set(keys))


class TestCountFree:
    def test_counts_what_may_be_sold(self, stock: Stock) -> None:
        stock.add(count=3)
        frozen = stock.add(count=2)
        with stock.begin() as session:
            batch = queries.get_batch(session, frozen.batch_id)
            freeze_batch(session, batch, actor="test", now=stock.now)
        stock.reserve(stock.line())
        stock.add(count=4, expires_at=stock.now)
        stock.add(count=1, expires_at=stock.now + DAY)
        with stock.begin() as session:
            counted = queries.count_free(session, [stock.sku_id], now=stock.now)
        assert counted == {stock.sku_id: 3}
