"""Cards under real threads and real commits: nobody gets another's, nothing is sold twice."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from uuid import UUID

import pytest
from sqlalchemy import select

from kit.errors import DomainError
from shop.cards import queries
from shop.cards import service as cards
from shop.cards.batches import freeze_batch, undo_batch, unfreeze_batch
from shop.cards.models import Card, Reveal
from shop.cards.queries import CardNotFound
from shop.cards.service import OutOfStock
from tests.shop.cards.stock import Stock

pytestmark = pytest.mark.race
WAIT_SECONDS = 20


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Run the acts in threads that start together; return results, or refusals as they are."""
    barrier = threading.Barrier(len(acts), timeout=WAIT_SECONDS)

    def run(act: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return act()
        except DomainError as refusal:
            return refusal

    with ThreadPoolExecutor(len(acts)) as pool:
        return [done.result(WAIT_SECONDS) for done in [pool.submit(run, act) for act in acts]]


def kinds(results: Sequence[object]) -> Counter[str]:
    return Counter(type(result).__name__ for result in results)


class TestReserve:
    @pytest.mark.parametrize(("stock_of", "buyers", "quantity"), [(3, 30, 1), (10, 20, 3)])
    def test_never_sells_more_than_there_is(
        self, real_stock: Stock, stock_of: int, buyers: int, quantity: int
    ) -> None:
        real_stock.add(count=stock_of)
        lines = [real_stock.line(quantity=quantity) for _ in range(buyers)]
        results = at_once(*(lambda line=line: real_stock.reserve(line, quantity) for line in lines))
        sold = stock_of // quantity
        assert kinds(results) == {"NoneType": sold, "OutOfStock": buyers - sold}
        assert sorted(Counter(len(real_stock.cards_of(line)) for line in lines).items()) == [
            (0, buyers - sold),
            (quantity, sold),
        ]
        real_stock.check()

    def test_passes_over_a_card_that_another_is_taking(self, real_stock: Stock) -> None:
        real_stock.add(count=2)
        first, second = real_stock.line(), real_stock.line()
        with real_stock.begin() as session:
            reserve(session, real_stock, first)
            real_stock.reserve(second)  # from another connection; would hang if it waited
        assert real_stock.counts() == {"reserved": 2}

    @pytest.mark.parametrize("quantity", [1, 2])
    def test_waits_for_the_last_card_before_saying_sold_out(
        self, real_stock: Stock, quantity: int
    ) -> None:
        real_stock.add(count=quantity)
        first, second = real_stock.line(), real_stock.line(quantity=quantity)
        with ThreadPoolExecutor(1) as pool:
            try:
                with real_stock.begin() as session:
                    reserve(session, real_stock, first)
                    waiting = pool.submit(real_stock.reserve, second, quantity)
                    sleep(0.3)
                    assert not waiting.done()
                    raise CardNotFound  # the other gives up
            except CardNotFound:
                pass
            waiting.result(WAIT_SECONDS)
        assert real_stock.counts() == {"reserved": quantity}
        real_stock.check()

    def test_says_sold_out_once_the_last_card_is_gone(self, real_stock: Stock) -> None:
        real_stock.add(count=1)
        first, second = real_stock.line(), real_stock.line()
        with ThreadPoolExecutor(1) as pool:
            with real_stock.begin() as session:
                reserve(session, real_stock, first)
                waiting = pool.submit(real_stock.reserve, second)
                sleep(0.2)
            with pytest.raises(OutOfStock):
                waiting.result(WAIT_SECONDS)

    def test_whoever_waits_never_waits_in_a_ring(self, real_stock: Stock) -> None:
        """Many buyers of several among few cards, released and bought again, for a while."""
        real_stock.add(count=7)
        lines = [real_stock.line(quantity=3) for _ in range(8)]

        def buy_and_give_back(line: UUID) -> int:
            bought = 0
            for _ in range(12):
                try:
                    real_stock.reserve(line, 3)
                except OutOfStock:
                    continue
                bought += 1
                assert real_stock.release(line) == 3
            return bought

        results = at_once(*(lambda line=line: buy_and_give_back(line) for line in lines))
        assert sum(int(str(result)) for result in results) > 0
        assert real_stock.counts() == {"free": 7}
        real_stock.check()

    def test_freezing_while_selling_neither_hangs_nor_sells_what_is_frozen(
        self, real_stock: Stock
    ) -> None:
        batch_id = real_stock.add(count=30).batch_id
        lines = [real_stock.line(quantity=4) for _ in range(6)]

        def freeze_and_unfreeze() -> None:
            for act in (freeze_batch, unfreeze_batch) * 5 + (freeze_batch,):
                with real_stock.begin() as session:
                    batch = queries.get_batch(session, batch_id)
                    act(session, batch, actor="test", now=real_stock.now)

        def sell(line: UUID) -> None:
            for _ in range(8):
                try:
                    real_stock.reserve(line, 4)
                except OutOfStock:
                    continue
                real_stock.release(line)

        results = at_once(freeze_and_unfreeze, *(lambda line=line: sell(line) for line in lines))
        assert kinds(results) == {"NoneType": 7}
        with pytest.raises(OutOfStock):
            real_stock.reserve(lines[0], 1)
        real_stock.check()

    def test_undoing_a_batch_while_it_is_bought(self, real_stock: Stock) -> None:
        for _ in range(5):
            batch_id = real_stock.add(count=3).batch_id
            lines = [real_stock.line() for _ in range(3)]

            def undo(batch_id: UUID = batch_id) -> int:
                with real_stock.begin() as session:
                    batch = queries.get_batch(session, batch_id)
                    return undo_batch(session, batch, actor="test", now=real_stock.now)

            results = at_once(undo, *(lambda line=line: real_stock.reserve(line) for line in lines))
            undone = results[0] == 3
            held = sum(len(real_stock.cards_of(line)) for line in lines)
            assert undone == (held == 0)
            real_stock.check()
            for line in lines:
                real_stock.release(line)
                real_stock.reserve(line) if not undone else None


class TestDeliver:
    def test_e73_fifty_at_once_deliver_once(self, real_stock: Stock) -> None:
        real_stock.add(count=5)
        line = real_stock.line(quantity=3)
        real_stock.reserve(line, 3)
        results = at_once(*([lambda: real_stock.deliver(line)] * 50))
        assert sorted(results, key=str) == [0] * 49 + [3]
        assert real_stock.counts() == {"free": 2, "delivered": 3}
        real_stock.check()

    def test_e75_delivered_or_released_never_both(self, real_stock: Stock) -> None:
        real_stock.add(count=1)
        for _ in range(10):
            line = real_stock.line()
            real_stock.reserve(line)
            results = at_once(
                lambda line=line: real_stock.deliver(line),
                lambda line=line: real_stock.release(line),
            )
            assert sorted(results, key=str) == [0, 1]
            real_stock.check()
            real_stock.take_back(line)


class TestReveal:
    def test_e75_seen_or_taken_back_never_both(self, real_stock: Stock) -> None:
        real_stock.add(count=20)
        seen = 0
        for _ in range(20):
            line, (card_id,) = real_stock.sold()
            shown, taken = at_once(
                lambda card_id=card_id: real_stock.reveal(card_id),
                lambda line=line: real_stock.take_back(line),
            )
            assert (taken == 0) == isinstance(shown, cards.Revealed)
            seen += taken == 0
            with real_stock.begin() as session:
                looks = session.scalars(select(Reveal).where(Reveal.card_id == card_id)).all()
                assert len(looks) == (taken == 0)
        assert real_stock.counts().get("revealed", 0) == seen
        real_stock.check()

    def test_e75_taking_back_one_of_two_leaves_the_seen_one(self, real_stock: Stock) -> None:
        """While one card is being seen, the wish for one unit is met by the other."""
        real_stock.add(count=2)
        line, held = real_stock.sold(2)
        with ThreadPoolExecutor(1) as pool:
            with real_stock.begin() as session:
                cards.reveal(
                    session,
                    real_stock.vault,
                    card_id=held[0],
                    member_id=real_stock.member_id,
                    request_id="r",
                    now=real_stock.now,
                )
                waiting = pool.submit(real_stock.take_back, line, 1)
                sleep(0.2)
            assert waiting.result(WAIT_SECONDS) == 1
        with real_stock.begin() as session:
            assert session.get_one(Card, held[0]).status == "revealed"
            assert session.get_one(Card, held[1]).status == "free"

    def test_many_first_looks_at_once_are_one(self, real_stock: Stock) -> None:
        real_stock.add(count=1)
        _, (card_id,) = real_stock.sold()
        results = at_once(*([lambda: real_stock.reveal(card_id)] * 10))
        assert kinds(results) == {"Revealed": 10}
        with real_stock.begin() as session:
            assert len(session.scalars(select(Reveal)).all()) == 10
        real_stock.check()


def reserve(session: object, stock: Stock, line: UUID) -> None:
    cards.reserve(
        session,  # type: ignore[arg-type]  # a session, as `begin` gives it
        sku_id=stock.sku_id,
        order_line_id=line,
        quantity=1,
        now=stock.now,
    )
