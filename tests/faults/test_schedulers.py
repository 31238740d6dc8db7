"""Several schedulers as real processes: one stands still for a while, or all of them do."""

import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from time import sleep
from typing import Final

import pytest
from sqlalchemy import Engine, create_engine, insert, text

from kit.database_clock import DatabaseClock
from kit.db import make_begin
from kit.ids import new_id
from shop.campaigns.models import Audience, Campaign, CampaignKind, CampaignStatus
from tests.journeys.conftest import opened
from tests.journeys.people import eventually
from tests.running_shop import RunningShop
from tests.servers import DatabaseServer

NAMES: Final = ("scheduler", "second", "third")
CAMPAIGNS: Final = 60
LASTS: Final = timedelta(seconds=3)
EVERYDAY_SECONDS: Final = 6
CHAOS_SECONDS: Final = 60  # as long as a lease, and longer than a statement may take


@pytest.fixture
def shop(database_server: DatabaseServer, redis_url: str) -> Iterator[RunningShop]:
    """Return a shop in which a worker runs, and no scheduler yet."""
    with opened(database_server, redis_url, {}, parts=("worker",)) as running:
        yield running


@pytest.fixture
def engine(shop: RunningShop) -> Iterator[Engine]:
    """Return the shop's database, as its owner."""
    engine = create_engine(shop.owner_url)
    yield engine
    engine.dispose()


def put_on(engine: Engine, *, opens_in: timedelta) -> None:
    """Write campaigns down as publishing leaves them, all of them due at one moment."""
    begin = make_begin(engine)
    now = DatabaseClock(begin)()
    rows = [
        {
            "id": new_id(),
            "kind": CampaignKind.GROUP_BUY,
            "status": CampaignStatus.SCHEDULED,
            "name": f"{number}",
            "audience": Audience.ALL,
            "limit_per_member": 1,
            "pay_within_seconds": 900,
            "trails_seconds": 86_400,
            "starts_at": now + opens_in,
            "ends_at": now + opens_in + LASTS,
            "due_at": now + opens_in,
            "created_by": "test",
            "created_at": now,
        }
        for number in range(CAMPAIGNS)
    ]
    with begin() as session:
        session.execute(insert(Campaign), rows)


def count(engine: Engine, query: str) -> int:
    """Return the number that a query tells."""
    with engine.connect() as connection:
        return int(connection.scalar(text(query)) or 0)


def is_over(engine: Engine) -> bool:
    """Say whether every campaign has ended."""
    return count(engine, "SELECT count(*) FROM campaigns WHERE status = 'ended'") == CAMPAIGNS


def assert_each_edge_once(engine: Engine) -> None:
    """Each campaign opened once and ended once, and told of it as often."""
    for table, condition in (
        ("campaign_edges", "edge = 'open'"),
        ("campaign_edges", "edge = 'end'"),
        ("status_changes", "new = 'live'"),
        ("status_changes", "new = 'ended'"),
        ("outbox_events", "name = 'campaigns.opened'"),
        ("outbox_events", "name = 'campaigns.ended'"),
    ):
        query = f"SELECT count(*) FROM {table} WHERE {condition}"
        assert count(engine, query) == CAMPAIGNS, (table, condition)
    early = "SELECT count(*) FROM campaign_edges WHERE passed_at < due_at"
    assert count(engine, early) == 0


@pytest.mark.slow
class TestSchedulers:
    """J: any number of schedulers, each edge exactly once."""

    def test_j_one_of_three_stands_still_and_goes_on(
        self, shop: RunningShop, engine: Engine, is_chaos: bool
    ) -> None:
        """What it held is let go or taken over; when it wakes up it does nothing again."""
        for name in NAMES:
            shop.start_part("scheduler", name=name)
        put_on(engine, opens_in=timedelta(seconds=8))
        sleep(7.9)  # it is about to turn them
        os.kill(shop.children["second"].pid, signal.SIGSTOP)
        try:
            eventually(lambda: is_over(engine), within_seconds=90)
            sleep(CHAOS_SECONDS if is_chaos else EVERYDAY_SECONDS)
        finally:
            os.kill(shop.children["second"].pid, signal.SIGCONT)
        sleep(2)  # it rings all its alarms
        assert all(shop.children[name].is_alive for name in NAMES)
        assert_each_edge_once(engine)

    def test_j_all_are_down_over_open_and_end(self, shop: RunningShop, engine: Engine) -> None:
        """Those that come back pass both edges, in order."""
        put_on(engine, opens_in=timedelta(seconds=0))
        sleep(LASTS.total_seconds() + 1)
        for name in NAMES:
            shop.start_part("scheduler", name=name)
        eventually(lambda: is_over(engine), within_seconds=60)
        assert_each_edge_once(engine)
        wrong = (
            "SELECT count(*) FROM campaign_edges o JOIN campaign_edges e USING (campaign_id)"
            " WHERE o.edge = 'open' AND e.edge = 'end' AND o.passed_at > e.passed_at"
        )
        assert count(engine, wrong) == 0
