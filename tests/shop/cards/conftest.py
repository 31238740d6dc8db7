"""Fixtures of the vault's tests: a shelf that leaves nothing, and one with real commits."""

from datetime import datetime

import pytest

from kit.db import Begin
from tests.shop.cards.stock import Stock


@pytest.fixture
def stock(begin: Begin, now: datetime) -> Stock:
    """Return a shelf of which nothing stays."""
    return Stock(begin, now)


@pytest.fixture
def real_stock(real_begin: Begin, now: datetime) -> Stock:
    """Return a shelf with real commits, for threads and processes."""
    return Stock(real_begin, now)
