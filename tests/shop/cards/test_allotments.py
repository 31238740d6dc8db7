"""Cards set aside: the right ones, as many as one likes, given back whole."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, event, select, text, update

from kit.ids import new_id
from shop.cards import allotments
from shop.cards.models import Card
from shop.cards.queries import expiry_key
from shop.cards.service import OutOfStock
from tests.factories.bench import Bench

DAY = timedelta(days=1)


def set_aside(bench: Bench, sku_id: UUID, quantity: int, item: UUID | None = None) -> UUID:
    """Set cards aside for an item and return its id."""
    item = item or new_id()
    with bench.begin() as session:
        allotments.set_aside(
            session, sku_id=sku_id, allotted_to=item, quantity=quantity, now=bench.now
        )
    return item


def left(bench: Bench, item: UUID) -> int:
    """Count what is left of an allotment."""
    with bench.begin() as session:
        return allotments.count_left(session, [item], now=bench.now).get(item, 0)


def expire(bench: Bench, sku_id: UUID, *days: int | None) -> list[UUID]:
    """Have the SKU's cards expire in so many days, None: never; return their ids."""
    with bench.begin() as session:
        ids = list(session.scalars(select(Card.id).where(Card.sku_id == sku_id).order_by(Card.id)))
        for card_id, day in zip(ids, days, strict=True):
            at: datetime | None = None if day is None else bench.now + day * DAY
            session.execute(
                update(Card)
                .where(Card.id == card_id)
                .values(expires_at=at, expires_on_key=expiry_key(at))
            )
    return ids


class TestSetAside:
    """set_aside, count_left, give_back."""

    def test_takes_those_that_keep_longest(self, bench: Bench) -> None:
        """A campaign is weeks ahead; members buy what expires soonest meanwhile."""
        sku_id = bench.sku(4)
        ids = expire(bench, sku_id, 5, None, 2, 30)
        item = set_aside(bench, sku_id, 2)
        with bench.begin() as session:
            taken = set(session.scalars(select(Card.id).where(Card.allotted_to == item)))
        assert taken == {ids[1], ids[3]}

    def test_all_or_nothing(self, bench: Bench) -> None:
        """What has expired does not count, nor what is set aside for somebody else."""
        sku_id = bench.sku(4)
        expire(bench, sku_id, -1, 5, 5, 5)
        set_aside(bench, sku_id, 1)
        with pytest.raises(OutOfStock):
            set_aside(bench, sku_id, 3)
        set_aside(bench, sku_id, 2)

    def test_counts_only_what_may_be_sold(self, bench: Bench) -> None:
        """Expired meanwhile: it is not shown as left."""
        sku_id = bench.sku(2)
        expire(bench, sku_id, 1, 9)
        item = set_aside(bench, sku_id, 2)
        assert left(bench, item) == 2
        bench.now += 2 * DAY
        assert left(bench, item) == 1

    def test_gives_everything_back(self, bench: Bench) -> None:
        """A frozen batch's, too: it may be sold again some day."""
        sku_id = bench.sku(5)
        item = set_aside(bench, sku_id, 5)
        with bench.begin() as session:
            session.execute(
                text(
                    "UPDATE cards SET is_sellable = false WHERE id IN"
                    " (SELECT id FROM cards WHERE allotted_to = :item LIMIT 2)"
                ),
                {"item": item},
            )
            allotments.give_back(session, allotted_to=item)
            assert session.scalar(text("SELECT count(allotted_to) FROM cards")) == 0

    def test_a_card_that_an_order_holds_is_everybodys_when_it_comes_back(
        self, bench: Bench
    ) -> None:
        """Given back while it was reserved: it is not lost to a campaign that is over."""
        sku_id = bench.sku(1)
        order_id = bench.place(bench.member(), (sku_id, 1))
        item = new_id()
        with bench.begin() as session:
            session.execute(update(Card).values(allotted_to=item))
            allotments.give_back(session, allotted_to=item)
        bench.cancel(order_id)
        bench.place(bench.member(), (sku_id, 1))

    def test_in_chunks_as_at_once(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """Seven in chunks of three."""
        monkeypatch.setattr(allotments, "CHUNK", 3)
        sku_id = bench.sku(8)
        item = set_aside(bench, sku_id, 7)
        assert left(bench, item) == 7
        with bench.begin() as session:
            allotments.give_back(session, allotted_to=item)
        set_aside(bench, sku_id, 8)

    def test_however_many_by_few_parameters(self, bench: Bench, engine: Engine) -> None:
        """A statement takes no more than 65,535, and an item has up to a million units."""
        sku_id, most = bench.sku(60), []

        def note(*about: Any) -> None:
            most.append(len(about[3]))

        event.listen(engine, "before_cursor_execute", note)
        item = set_aside(bench, sku_id, 60)
        with bench.begin() as session:
            allotments.give_back(session, allotted_to=item)
        event.remove(engine, "before_cursor_execute", note)
        assert len(most) > 3
        assert max(most) < 20
