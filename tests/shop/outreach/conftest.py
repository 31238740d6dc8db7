"""A shop that tells people things, in a transaction that leaves nothing."""

from datetime import datetime

import pytest

from kit.db import Begin
from tests.factories.groups import LONG_AGO
from tests.factories.outreach import OutreachBench, at_noon


@pytest.fixture
def now() -> datetime:
    """Return a noon that is past by the database's clock, too."""
    return at_noon(LONG_AGO)


@pytest.fixture
def bench(begin: Begin, now: datetime) -> OutreachBench:
    """Return a shop in which nothing stays."""
    return OutreachBench(begin, now)
