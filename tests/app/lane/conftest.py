"""A lane over a world in which transactions commit, since it writes in threads."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from redis import Redis

from kit.db import Begin
from tests.app.lane.driver import Lane
from tests.factories.sales import LONG_AGO
from tests.miniprogram_api.world import World


@pytest.fixture
def now() -> datetime:
    """Return a moment that is past by the database's clock, too."""
    return LONG_AGO


@pytest.fixture
def world(real_begin: Begin, redis: "Redis", now: datetime) -> World:
    """Return a world in which transactions commit."""
    return World(real_begin, redis, now)


@pytest.fixture
def lane(world: World, redis_url: str) -> Iterator[Lane]:
    """Return a lane that runs."""
    with Lane(world, redis_url) as lane:
        yield lane
