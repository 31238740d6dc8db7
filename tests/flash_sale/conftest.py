"""Flash sales over memory platforms, in a transaction that leaves nothing."""

from datetime import datetime

import pytest

from kit.db import Begin
from tests.factories.sales import LONG_AGO, SaleBench


@pytest.fixture
def now() -> datetime:
    """Return a moment that is past by the database's clock, too."""
    return LONG_AGO


@pytest.fixture
def bench(begin: Begin, now: datetime) -> SaleBench:
    """Return a shop in which nothing stays."""
    return SaleBench(begin, now)
