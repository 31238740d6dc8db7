"""Dangerous pairs of a flash sale in every order of their statements; then the auditor looks."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from kit.db import Begin
from kit.errors import DomainError
from tests.factories.sales import LONG_AGO, SaleBench
from tests.races.interleaving import Actor, Choose, Driver, Plan
from tests.races.sale_pairs import PAIRS, Pair
from tests.races.sales import LATENESS
from tests.races.test_group_interleavings import drawn

EVERYDAY_SCHEDULES = 16
CHAOS_SCHEDULES = 600
SECOND = timedelta(seconds=1)


@pytest.fixture
def now() -> datetime:
    """Return a moment that is past by the database's clock, too."""
    return LONG_AGO


@pytest.fixture
def shop(real_begin: Begin, now: datetime) -> SaleBench:
    """Return a shop whose transactions commit."""
    return SaleBench(real_begin, now)


@pytest.mark.race
class TestSaleInterleavings:
    """Every pair, many schedules: the check holds and the auditor finds nothing."""

    @pytest.mark.parametrize("pair_of", PAIRS, ids=lambda pair_of: pair_of.__name__)
    def test_c45_c58_every_order_of_statements_ends_well(
        self,
        shop: SaleBench,
        driver: Driver,
        pair_of: Callable[[SaleBench], Pair],
        is_chaos: bool,
    ) -> None:
        """A seeded sample every day, in a long run all of one turn and most of two."""
        most = CHAOS_SCHEDULES if is_chaos else EVERYDAY_SCHEDULES
        steps = [0, 0]
        for whose in (0, 1):  # each before the other, to learn how many gates it passes
            steps[whose] = self.play(shop, driver, pair_of, Plan(whose, ()).choose)[whose].steps
        for whose in (0, 1):  # all of the other just before its commit
            late = Plan(whose, (steps[whose] - 1,))
            self.play(shop, driver, pair_of, late.choose, str(late))
        for name, choose in drawn(steps, pair_of.__name__, most - 2):
            self.play(shop, driver, pair_of, choose, name)
        shop.recover()
        shop.sweep("lapse", "turn")
        shop.relay()
        assert shop.violations(with_books=True) == []
        assert shop.failed == 0
        assert driver.schedules == most + 2
        print(f"{pair_of.__name__}: {steps} statements, {driver.schedules} schedules")  # noqa: T201 - the figure

    def play(
        self,
        shop: SaleBench,
        driver: Driver,
        pair_of: Callable[[SaleBench], Pair],
        choose: Choose,
        name: str = "alone",
    ) -> list[Actor]:
        """Set the pair up, run one schedule, let the processes go on, check."""
        pair = pair_of(shop)
        actors = driver.run([pair.one, pair.other], choose)
        results = [actor.result for actor in actors]
        broken = [result for result in results if isinstance(result, Exception)]
        assert all(isinstance(result, DomainError) for result in broken), (name, broken)
        found = [row for row in shop.violations() if row["invariant"] not in LATENESS]
        assert found == [], name
        for _ in range(2):
            shop.now += 2 * SECOND
            shop.sweep("close", "turn", "lapse", "offer", "settle", "refund", "fulfil")
            shop.relay()
        assert pair.check(results), (name, results)
        return actors
