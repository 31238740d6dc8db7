"""Lights fires: sales one after the other, each with a crowd and trouble drawn by a seed."""

import os
from collections import Counter
from collections.abc import Callable
from random import Random
from time import sleep
from typing import Any, Final

from tests.faults.sale_crowd import fates
from tests.faults.sale_fire import BurningShop, Fire, Sale

SEED: Final = os.environ.get("CHAOS_SEED", "1")
SPREAD_SECONDS: Final = 1.5
EVERYDAY: Final = (22, 10)  # members, units
CHAOS: Final = (int(os.environ.get("CHAOS_CROWD", "300")), 40)

Trouble = Callable[[Random], Any]


class Light:
    """Has sales burn, few and small ones every day, many and large ones in a long run."""

    def __init__(self, burning: BurningShop, name: str, *, is_chaos: bool) -> None:
        self.burning, self.is_chaos = burning, is_chaos
        self.figures: Counter[str] = Counter()
        self._name = name

    def burn(self, trouble: Trouble, *, everyday: int, chaos: int, shards: int = 0) -> None:
        """Hold so many sales with this trouble; what must hold of each is looked at."""
        members, stock = CHAOS if self.is_chaos else EVERYDAY
        for number in range(chaos if self.is_chaos else everyday):
            rng = self.dice(number)
            drawn = fates(rng, count=members, stock=stock, spread=SPREAD_SECONDS)
            sale = Sale(stock=stock, shards=shards or rng.choice((1, 1, 4)))
            fire = Fire(self.burning, sale, drawn)
            fire.burn(lambda rng=rng: trouble(rng))
            self.figures["sales"] += 1
            self.figures["claims"] += fire.claims
            self.figures["unanswered"] += fire.trouble

    def dice(self, number: int) -> Random:
        """Return the dice of one sale of this test."""
        return Random(f"{SEED}/{self._name}/{number}")

    def tell(self) -> None:
        """Print what was done, and by which seed it is done again."""
        print(f"{self._name}, seed {SEED}: {dict(self.figures)}")  # noqa: T201 - the figure


def every(rng: Random, count: int, within: float, act: Callable[[], Any]) -> None:
    """Do something so many times, at random moments."""
    before = 0.0
    for moment in sorted(rng.uniform(0, within) for _ in range(count)):
        sleep(moment - before)
        act()
        before = moment
