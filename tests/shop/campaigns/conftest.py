"""Campaigns over memory platforms, in a transaction that leaves nothing."""

from datetime import datetime

import pytest

from kit.db import Begin
from tests.factories.groups import LONG_AGO, GroupBench


@pytest.fixture
def now() -> datetime:
    """Return a moment that is past by the database's clock, too."""
    return LONG_AGO


@pytest.fixture
def bench(begin: Begin, now: datetime) -> GroupBench:
    """Return a shop in which nothing stays."""
    return GroupBench(begin, now)
