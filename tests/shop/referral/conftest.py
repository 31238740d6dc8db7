"""The shop with referral in a transaction that leaves nothing."""

from datetime import datetime

import pytest

from kit.db import Begin
from tests.factories.referrals import ReferralBench


@pytest.fixture
def bench(begin: Begin, now: datetime) -> ReferralBench:
    """Return a shop in which nothing stays."""
    return ReferralBench(begin, now)
