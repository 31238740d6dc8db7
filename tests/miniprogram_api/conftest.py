"""Fixtures of the door's tests: the world over a rolled-back database, and over a real one."""

from datetime import datetime

import pytest
from redis import Redis

from kit.db import Begin
from tests.miniprogram_api.world import World


@pytest.fixture
def world(begin: Begin, redis: "Redis", now: datetime) -> World:
    """Return a world in which nothing stays."""
    return World(begin, redis, now)


@pytest.fixture
def real_world(real_begin: Begin, redis: "Redis", now: datetime) -> World:
    """Return a world in which transactions commit, for tests with threads."""
    return World(real_begin, redis, now)
