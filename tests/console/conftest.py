"""Fixtures of the console's tests: the console over a rolled-back database."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from redis import Redis
from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker

from kit.db import Begin
from tests.console.bench import Bench
from tests.console.filled import fill
from tests.console.office import Office
from tests.miniprogram_api.world import World


@pytest.fixture
def office(begin: Begin, redis: "Redis", now: datetime) -> Office:
    """Return a console in which nothing stays."""
    return Office(World(begin, redis, now))


@pytest.fixture
def bench(engine: Engine, redis: "Redis", now: datetime) -> Iterator[Bench]:
    """Return a filled shop whose every change can be taken back, and in the end all of it."""
    with engine.connect() as connection:
        outer = connection.begin()
        begin = sessionmaker(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        ).begin
        office = Office(World(begin, redis, now))
        filled = fill(office)
        yield Bench(office, office.clerk("owner"), filled, connection)
        outer.rollback()
