"""Every scenario fails at its n-th statement, commit and call; then it recovers, and is even."""

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from kit.errors import DomainError
from shop.payments.gateway import GatewayError
from tests.factories.bench import Bench
from tests.faults.injector import KINDS, Injector
from tests.faults.scenarios import SCENARIOS, Scenario

NEVER = 0  # there is no such step
EVERYDAY_POINTS = 2  # of each kind, drawn by lot
LATENESS = {"I16.orders_come_to_an_end"}
Maker = Callable[[Bench], Scenario]


def strike(shop: Bench, engine: Engine, make: Maker, kind: str, nth: int) -> Injector:
    """Set a scenario up, have its n-th step fail, let the sweeps recover, and look."""
    scenario, injector = make(shop), Injector(kind, nth)
    with injector.in_(shop, engine):
        try:
            scenario.act()
        except (OperationalError, GatewayError, DomainError):
            assert injector.has_struck
    point = f"{make.__name__}: {kind} {nth}"
    # The clock may have jumped with no sweep running: lateness alone is no fault yet.
    broken = [row for row in shop.violations() if row["invariant"] not in LATENESS]
    assert broken == [], point
    shop.recover(step=timedelta(minutes=4))
    assert scenario.holds(), point
    shop.recover(step=timedelta(minutes=4))
    assert shop.violations(with_books=True) == [], point
    return injector


@pytest.fixture
def shop(real_begin: Callable[..., object], now: object) -> Bench:
    """Return a shop whose transactions commit."""
    return Bench(real_begin, now)  # type: ignore[arg-type]  # the fixtures' own types


class TestNthFailure:
    """SQLite's way: fail the first, the second, … until a run comes through untouched."""

    @pytest.mark.parametrize("make", SCENARIOS, ids=lambda make: make.__name__)
    def test_j149_recovers_from_a_failure_anywhere(
        self, shop: Bench, engine: Engine, make: Maker, is_chaos: bool
    ) -> None:
        """Every point in a long run; in a short one the first, the last and some by lot."""
        struck = 0
        for kind in KINDS:
            last = self.count(shop, engine, make, kind)
            points = list(range(1, last + 1))
            if not is_chaos:
                rng = random.Random(f"{make.__name__}/{kind}")
                points = sorted(rng.sample(points, min(EVERYDAY_POINTS, last)))
            for nth in points:
                struck += strike(shop, engine, make, kind, nth).has_struck
        assert struck
        print(f"{make.__name__}: {struck} failures")  # noqa: T201 - the figure

    def count(self, shop: Bench, engine: Engine, make: Maker, kind: str) -> int:
        """Run the scenario untouched and return how many steps of the kind it has."""
        injector = strike(shop, engine, make, kind, NEVER)
        assert not injector.has_struck
        return injector.seen
