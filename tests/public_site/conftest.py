"""Fixtures of the public door's tests."""

from datetime import datetime

import pytest
from redis import Redis

from kit.db import Begin
from tests.miniprogram_api.world import World


@pytest.fixture
def world(begin: Begin, redis: "Redis", now: datetime) -> World:
    """Return a world in which nothing stays."""
    return World(begin, redis, now)
