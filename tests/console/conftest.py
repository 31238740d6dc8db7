"""Fixtures of the console's tests: the console over a rolled-back database."""

from datetime import datetime

import pytest
from redis import Redis

from kit.db import Begin
from tests.console.office import Office
from tests.miniprogram_api.world import World


@pytest.fixture
def office(begin: Begin, redis: "Redis", now: datetime) -> Office:
    """Return a console in which nothing stays."""
    return Office(World(begin, redis, now))
