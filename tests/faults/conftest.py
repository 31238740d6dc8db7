"""A shop that may burn, shared by the fires of one file."""

from collections.abc import Iterator

import pytest

from tests.faults.lights import Light
from tests.faults.sale_fire import BurningShop, burning_shop
from tests.journeys.auditor import assert_audit_command


@pytest.fixture(scope="module")
def burning(no_child_left: None) -> Iterator[BurningShop]:
    """Return a shop that nobody else uses, and have the auditor's command look at the ashes."""
    with burning_shop() as shop:
        yield shop
        assert_audit_command(shop.shop)


@pytest.fixture
def light(burning: BurningShop, is_chaos: bool, request: pytest.FixtureRequest) -> Iterator[Light]:
    """Return what lights fires, and tells how many there were."""
    lit = Light(burning, request.node.name, is_chaos=is_chaos)
    yield lit
    lit.tell()
