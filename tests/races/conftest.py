"""The shop's rooms over memory platforms, with real commits."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlalchemy import Engine

from kit.db import Begin
from tests.factories.bench import Bench
from tests.races.interleaving import Driver


@pytest.fixture
def shop(real_begin: Begin, now: datetime) -> Bench:
    """Return a shop whose transactions commit; the database is wiped afterwards."""
    return Bench(real_begin, now)


@pytest.fixture
def driver(engine: Engine) -> Iterator[Driver]:
    """Return the hand that lets two transactions go on, statement by statement."""
    with Driver(engine) as driver:
        yield driver
