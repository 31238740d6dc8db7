"""A sale under fire: a shop whose servers may die, a crowd, trouble meanwhile, and what holds."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from time import sleep
from typing import Any, Final

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from app.sample_campaigns import CampaignSample, make_flash_sale
from kit.clock import monotonic_seconds, utc_now
from kit.money import Fen
from tests.faults.fragile_redis import FragileRedis
from tests.faults.sale_crowd import Buyer, Fate, let_in, people
from tests.faults.test_chaos import unfinished
from tests.journeys.auditor import assert_sound, begin_of, vault_of
from tests.journeys.conftest import opened
from tests.journeys.people import Person, eventually
from tests.running_shop import RunningShop
from tests.servers import DatabaseServer

LASTS: Final = timedelta(minutes=30)
# On a machine that others load as well, three seconds may be over before anybody could pay.
PAY_WITHIN_SECONDS: Final = int(os.environ.get("CHAOS_PAY_WITHIN", "3"))
OFFER: Final = timedelta(seconds=3)
LONGEST_SALE_SECONDS: Final = 240.0
LOOK_SECONDS: Final = 0.05
# Everybody comes from one address here, and nobody is to be taken for a program.
SETTINGS: Final = {
    "LIMITS__WRITES_PER_MINUTE": "100000",
    "LIMITS__READS_PER_MINUTE": "100000",
    "CHALLENGE_FROM_SCORE": "101",
}
# A closed order's cards are free at once; its claims hear of it a moment later.
_SOLD: Final = text(
    "SELECT count(*), count(*) FILTER (WHERE k.status = 'paid')"
    " FROM claims k JOIN orders o ON o.id = k.order_id"
    " WHERE k.campaign_id = :id AND k.status IN ('held', 'paid') AND o.status <> 'closed'"
    " GROUP BY k.member_id"
)
_LOOSE: Final = (
    "SELECT (SELECT count(*) FROM claims WHERE status = 'held')"
    " + (SELECT count(*) FROM waits WHERE status IN ('waiting', 'offered'))"
)


@dataclass
class BurningShop:
    """A shop with a database and a Redis of its own, and members who are signed in."""

    shop: RunningShop
    redis: FragileRedis
    database: DatabaseServer
    members: list[Person] = field(default_factory=list)

    def crowd(self, count: int) -> list[Person]:
        """Return so many members; new ones sign in."""
        self.members += people(self.shop, count - len(self.members))
        return self.members[:count]

    def restart(self, extra: Mapping[str, str] | None = None) -> None:
        """Kill every part and start it again, with further settings perhaps."""
        for part in self.shop.parts:
            self.shop.kill(part)
            self.shop.start_part(part, extra=extra)
        self.shop.wait_until_ready()

    def engine(self) -> Engine:
        """Return the shop's database, as its owner."""
        return create_engine(self.shop.owner_url, pool_pre_ping=True)


@contextmanager
def burning_shop(settings: dict[str, str] | None = None) -> Iterator[BurningShop]:
    """Start a shop that nobody else uses."""
    database, redis = DatabaseServer.start(), FragileRedis()
    try:
        all_settings = {**SETTINGS, "GATE_REDIS_URL": redis.gate_url, **(settings or {})}
        with opened(database, redis.url, all_settings, with_lane=True) as shop:
            yield BurningShop(shop, redis, database)
    finally:
        redis.stop()
        database.stop()


class Watcher(threading.Thread):
    """Looks at the database all the time: how much was sold at most, and when it is all paid."""

    def __init__(self, engine: Engine, campaign_id: str, stock: int) -> None:
        super().__init__(daemon=True)
        self._engine, self._campaign_id, self._stock = engine, campaign_id, stock
        self.over, self.stopping = threading.Event(), threading.Event()
        self.looks = self.most_sold = self.most_of_one = 0

    def run(self) -> None:
        """Look until told to stop; a database that is away is looked at again."""
        while not self.stopping.is_set():
            try:
                self._look()
            except SQLAlchemyError:
                sleep(LOOK_SECONDS)
            sleep(LOOK_SECONDS)

    def _look(self) -> None:
        with self._engine.connect() as connection:
            rows = connection.execute(_SOLD, {"id": self._campaign_id}).all()
        self.looks += 1
        sold, paid = sum(row[0] for row in rows), sum(row[1] for row in rows)
        self.most_sold = max(self.most_sold, sold)
        self.most_of_one = max([self.most_of_one, *(row[0] for row in rows)])
        if paid >= self._stock:
            self.over.set()


@dataclass(frozen=True, kw_only=True)
class Sale:
    """How large a sale is, and how it is sold."""

    stock: int
    shards: int = 1
    opens_in: timedelta = timedelta(0)


class Fire:
    """One sale in a burning shop, with a crowd whose fates are drawn."""

    def __init__(self, burning: BurningShop, sale: Sale, drawn: Sequence[Fate]) -> None:
        """Publish the sale, and let everybody in."""
        self.burning, self.sale = burning, sale
        self.engine = burning.engine()
        self.campaign_id = put_on(burning.shop, sale)
        self.watcher = Watcher(self.engine, self.campaign_id, sale.stock)
        self.crowd = [
            Buyer(person, self.campaign_id, fate, self.watcher.over)
            for person, fate in zip(burning.crowd(len(drawn)), drawn, strict=True)
        ]
        let_in(self.crowd)

    def burn(self, trouble: Callable[[], Any]) -> None:
        """Let the crowd in while there is trouble; then everything that must hold, holds."""
        self.watcher.start()
        for buyer in self.crowd:
            buyer.start()
        try:
            trouble()
            self._wait_for_the_crowd()
            self.watcher.stopping.set()
            self.watcher.join(timeout=30)
            self.check()
        finally:
            self.watcher.over.set()
            self.watcher.stopping.set()
            self.engine.dispose()

    def check(self) -> None:
        """Look at what was told and at what is true."""
        errors = [repr(buyer.error) for buyer in self.crowd if buyer.error]
        odd = [told for buyer in self.crowd for told in buyer.odd]
        assert not errors, errors
        assert not odd, f"{len(odd)} oddities: {odd[:5]}"
        eventually(self._nothing_is_open, within_seconds=60, what="everything ends")
        self._look_at_what_was_told()
        watcher = self.watcher
        assert watcher.looks > 0
        assert watcher.most_sold <= self.sale.stock, "oversold"
        assert watcher.most_of_one <= 1, "beyond the limit"
        with self.engine.connect() as connection:
            rows = connection.execute(_SOLD, {"id": self.campaign_id}).all()
        assert sum(row[1] for row in rows) == len(rows) == self.sale.stock
        assert_sound(self.burning.shop)

    @property
    def claims(self) -> int:
        """Return how many were told "yours"."""
        return sum(len(buyer.told) for buyer in self.crowd)

    @property
    def trouble(self) -> int:
        """Return how often somebody was not answered."""
        return sum(buyer.trouble for buyer in self.crowd)

    def _wait_for_the_crowd(self) -> None:
        until = monotonic_seconds() + LONGEST_SALE_SECONDS
        for buyer in self.crowd:
            buyer.join(timeout=max(0.0, until - monotonic_seconds()))
        stuck = sum(buyer.is_alive() for buyer in self.crowd)
        assert not stuck, f"{stuck} of the crowd never came to an end\n{self._last_words()}"

    def _last_words(self) -> str:
        with self.engine.connect() as connection:
            told = [
                connection.execute(text(query), {"id": self.campaign_id}).all()
                for query in (
                    "SELECT status, count(*) FROM claims WHERE campaign_id = :id GROUP BY 1",
                    "SELECT status, count(*) FROM waits WHERE campaign_id = :id GROUP BY 1",
                )
            ]
        return f"claims {told[0]}, waits {told[1]}\n{self.burning.shop.last_words()}"

    def _nothing_is_open(self) -> bool:
        with self.engine.connect() as connection:
            loose = connection.scalar(text(_LOOSE))
        return loose == 0 and unfinished(self.burning.shop) == 0

    def _look_at_what_was_told(self) -> None:
        """Each claim that is in the database was told to its member, and each that was told is."""
        told: dict[str, str] = {}
        for buyer in self.crowd:
            for answer in buyer.told.values():
                assert answer["claim"]["id"] not in told, "two requests have one order"
                told[answer["claim"]["id"]] = answer["order"]["id"]
        with self.engine.connect() as connection:
            rows = connection.execute(
                text("SELECT id, order_id FROM claims WHERE campaign_id = :id"),
                {"id": self.campaign_id},
            )
            true = {str(row.id): str(row.order_id) for row in rows}
        assert told.items() <= true.items(), "somebody was told of what is not there"
        never_told = self._never_told(set(true) - set(told))
        assert not never_told, never_told

    def _never_told(self, claim_ids: set[str]) -> list[str]:
        """Return what those heard instead who were not told of their claims.

        Whose time to pay was over before anybody answered has nothing left to be told of.
        """
        query = text(
            "SELECT i.key, o.pay_by, o.status FROM claims k JOIN orders o ON o.id = k.order_id"
            " JOIN idempotency_keys i ON i.scope = k.member_id::text"
            " AND i.answer ->> 'claim_id' = k.id::text WHERE k.id = ANY(CAST(:ids AS uuid[]))"
        )
        with self.engine.connect() as connection:
            rows = connection.execute(query, {"ids": sorted(claim_ids)}).all()
        assert len(rows) == len(claim_ids)
        answered_at = {k: at for buyer in self.crowd for k, at in buyer.answered_at.items()}
        heard = {k: words for buyer in self.crowd for k, words in buyer.heard.items()}
        return [
            f"order {row.status}, to be paid by {row.pay_by}, and its member heard {heard[row.key]}"
            for row in rows
            if row.status != "closed" or answered_at[row.key] < row.pay_by
        ]


def put_on(shop: RunningShop, sale: Sale, *, limit: int = 1) -> str:
    """Publish a sale and return its id."""
    with begin_of(shop) as begin:
        made = make_flash_sale(
            begin,
            vault_of(shop),
            CampaignSample(
                stock=sale.stock,
                limit=limit,
                price_fen=Fen(900),
                opens_in=sale.opens_in,
                lasts=LASTS,
                pay_within_seconds=PAY_WITHIN_SECONDS,
                shards=sale.shards,
                offer=OFFER,
            ),
            fee_basis_points=60,
            now=utc_now(),
        )
    return str(made.id)
