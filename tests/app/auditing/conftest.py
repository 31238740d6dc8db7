"""The shop's rooms over memory platforms, in a transaction that leaves nothing."""

from datetime import datetime

import pytest

from kit.db import Begin
from tests.factories.bench import Bench


@pytest.fixture
def bench(begin: Begin, now: datetime) -> Bench:
    """Return a shop in which nothing stays."""
    return Bench(begin, now)
