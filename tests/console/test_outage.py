"""Servers that go away while somebody looks: pages say so, nothing is lost, and they come back."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import pytest
from redis import Redis

from console.menu import ENTRIES
from kit.db import make_begin, make_engine
from shop.campaigns import jobs
from tests.console.office import Clerk, Office
from tests.console.test_campaigns import publish
from tests.faults.fragile_redis import FragileRedis
from tests.miniprogram_api.world import World
from tests.servers import DatabaseServer

TRIES: Final = 5  # a pool may hold that many connections to a server that is no more


@dataclass
class Glass:
    """A console over servers that nobody else uses, and a campaign that sells."""

    office: Office
    clerk: Clerk
    database: DatabaseServer
    redis: FragileRedis
    campaign_id: str

    def paths(self) -> list[str]:
        """Return every page of the menu, and the live room with its numbers."""
        with self.office.world.app.test_request_context():
            menu = [self.office.world.app.url_for(entry.endpoint) for entry in ENTRIES]
        live = f"/campaigns/{self.campaign_id}/live"
        return [*(place.removeprefix("/console") for place in menu), live, f"{live}/snapshot"]


@pytest.fixture
def glass(now: datetime, no_child_left: None) -> Iterator[Glass]:
    """Return the console; its servers end with the test."""
    database, redis = DatabaseServer.start(), FragileRedis()
    engine = make_engine(database.app_url_of(database.new_database("glass")))
    client = Redis.from_url(redis.url, socket_timeout=1)
    try:
        office = Office(World(make_begin(engine), client, now))
        campaign_id = publish(office, office.clerk("owner"))
        office.world.now += timedelta(hours=1, minutes=1)
        jobs.turn_due_campaigns(office.world.begin, now=office.world.now)
        yield Glass(office, office.clerk("owner"), database, redis, campaign_id)
    finally:
        client.close()
        engine.dispose()
        redis.stop()
        database.stop()


def test_pages_say_what_is_gone_and_come_back(glass: Glass) -> None:
    clerk, paths, csrf = glass.clerk, glass.paths(), glass.clerk.csrf()
    assert [path for path in paths if clerk.get(path).status_code != 200] == []

    glass.redis.kill()
    assert [path for path in paths if clerk.get(path).status_code != 200] == []

    glass.database.crash()
    for path in paths:
        answer = clerk.get(path)
        assert answer.status_code == 503, path
        assert answer.headers["Retry-After"], path
        assert "数据库暂时不可用" in answer.text, path
    answer = clerk.post("/campaigns/stop-all", csrf=csrf, why="停电")
    assert answer.status_code == 503
    assert "没有做任何更改" in answer.text

    glass.database.recover()
    glass.redis.start()
    assert any(clerk.get("").status_code == 200 for _ in range(TRIES))
    assert [path for path in paths if clerk.get(path).status_code != 200] == []
    assert "紧急停止生效中" not in clerk.page("/campaigns")
