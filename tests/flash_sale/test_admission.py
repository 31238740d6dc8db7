"""Passing the gate by: so many a second, no more."""

import pytest

from flash_sale.admission import Throttle
from kit.errors import Unavailable


def test_few_at_a_time() -> None:
    """The others are told to come back."""
    throttle = Throttle(most=2)
    throttle.pass_one()
    throttle.pass_one()
    with pytest.raises(Unavailable):
        throttle.pass_one()
