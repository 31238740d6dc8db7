"""The whole product under load while processes and database are killed, by a seeded plan."""

import os
import random
from collections import Counter
from collections.abc import Iterator
from time import sleep

import pytest
import requests
from sqlalchemy import create_engine, text

from tests.faults.crowd import Member
from tests.journeys.auditor import assert_audit_command, assert_sound, new_sku
from tests.journeys.conftest import opened
from tests.journeys.people import Person, eventually
from tests.running_shop import PARTS, RunningShop
from tests.servers import DatabaseServer

EVERYDAY_KILLS = 8
CHAOS_KILLS = int(os.environ.get("CHAOS_KILLS", "300"))
CRASH_EVERY = 8  # kills; then the database crashes
MEMBERS = 4
SEED = os.environ.get("CHAOS_SEED", "1")


@pytest.fixture
def fragile(redis_url: str) -> Iterator[tuple[RunningShop, DatabaseServer]]:
    """Return a shop, and the database server that it alone uses."""
    server = DatabaseServer.start()
    try:
        with opened(server, redis_url, {"ORDER_PAY_WITHIN_SECONDS": "6"}) as shop:
            yield shop, server
    finally:
        server.stop()


def unfinished(shop: RunningShop) -> int:
    """Count what still waits for a sweep."""
    engine = create_engine(shop.owner_url)
    with engine.connect() as connection:
        waiting = connection.scalar(
            text(
                "SELECT (SELECT count(*) FROM orders WHERE status IN"
                " ('pending', 'paid', 'refunding')) + (SELECT count(*) FROM outbox_events"
                " WHERE done_at IS NULL) + (SELECT count(*) FROM refunds WHERE status <> 'done')"
            )
        )
    engine.dispose()
    return int(waiting or 0)


def orders_of(shop: RunningShop) -> Counter[str]:
    """Count the orders by status."""
    engine = create_engine(shop.owner_url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT status, count(*) FROM orders GROUP BY 1")).all()
    engine.dispose()
    return Counter({str(status): int(count) for status, count in rows})


@pytest.mark.slow
class TestChaos:
    """SIGKILL to web, worker and scheduler, and an immediate stop of PostgreSQL, under load."""

    def test_j148_j150_nothing_is_lost_and_everything_ends(
        self, fragile: tuple[RunningShop, DatabaseServer], is_chaos: bool
    ) -> None:
        """After the storm every order comes to its end and the audit finds nothing."""
        shop, server = fragile
        rng, sku = random.Random(SEED), new_sku(shop, stock=2000)
        crowd = [
            Member(shop, Person(shop, ("wechat", "alipay")[n % 2]), sku, f"{SEED}/{n}")
            for n in range(MEMBERS)
        ]
        for member in crowd:
            member.start()
        kills = self.storm(shop, server, rng, CHAOS_KILLS if is_chaos else EVERYDAY_KILLS)
        sleep(1)
        for member in crowd:
            member.stopping.set()
        for member in crowd:
            member.join(timeout=30)
        eventually(lambda: unfinished(shop) == 0, within_seconds=90, what="everything ends")
        assert_sound(shop)
        assert_audit_command(shop)
        orders = orders_of(shop)
        assert orders["fulfilled"] + orders["refunded"] > 0
        trouble = sum(member.trouble for member in crowd)
        print(f"chaos, seed {SEED}: {kills}, orders {dict(orders)}, troubles {trouble}")  # noqa: T201 - the figure

    def storm(
        self, shop: RunningShop, server: DatabaseServer, rng: random.Random, most: int
    ) -> Counter[str]:
        """Kill one thing after another."""
        done: Counter[str] = Counter()
        for turn in range(1, most + 1):
            sleep(rng.uniform(0.2, 1.2))
            if turn % CRASH_EVERY == 0:
                server.crash()
                sleep(rng.uniform(0.0, 0.5))
                server.recover()
                done["database"] += 1
                continue
            part = rng.choice(PARTS)
            shop.kill(part)
            sleep(rng.uniform(0.0, 0.3))
            shop.start_part(part)
            done[part] += 1
        eventually(lambda: is_up(shop), within_seconds=30, what="ready")
        return done


def is_up(shop: RunningShop) -> bool:
    """Say whether the shop is ready."""
    try:
        return shop.request("GET", "/readyz", timeout=2).ok
    except requests.RequestException:
        return False
