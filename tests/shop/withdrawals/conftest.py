"""The shop with leaders who have something to withdraw, in a transaction that leaves nothing."""

from datetime import datetime

import pytest

from kit.db import Begin
from tests.factories.referrals import ReferralBench


@pytest.fixture
def bench(begin: Begin, now: datetime) -> ReferralBench:
    """Return a shop in which a tenth is promised on everything."""
    shop = ReferralBench(begin, now)
    shop.rule()
    return shop
