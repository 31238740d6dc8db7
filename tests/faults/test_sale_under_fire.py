"""Flash sales through the whole product while its servers and processes are in trouble."""

import os
import random
from collections import Counter
from collections.abc import Iterator
from time import sleep
from typing import Final

import pytest

from tests.faults.sale_crowd import fates
from tests.faults.sale_fire import BurningShop, Fire, Sale, burning_shop, every
from tests.faults.test_chaos import is_up
from tests.journeys.auditor import assert_audit_command
from tests.journeys.people import eventually
from tests.running_shop import PARTS

SEED: Final = os.environ.get("CHAOS_SEED", "1")
SPREAD_SECONDS: Final = 2.0
EVERYDAY: Final = (25, 12)  # members, units
CHAOS: Final = (300, 40)


@pytest.fixture(scope="module")
def burning(no_child_left: None) -> Iterator[BurningShop]:
    """Return a shop of this file's own, and have the auditor's command look at the ashes."""
    with burning_shop() as shop:
        yield shop
        assert_audit_command(shop.shop)


@pytest.fixture
def light(burning: BurningShop, is_chaos: bool, request: pytest.FixtureRequest) -> Iterator["Light"]:
    """Return what lights fires."""
    lit = Light(burning, request.node.name, is_chaos=is_chaos)
    yield lit
    print(f"{request.node.name}, seed {SEED}: {dict(lit.figures)}")  # noqa: T201 - the figure


class Light:
    """Makes sales, each with a crowd and a dice of its own."""

    def __init__(self, burning: BurningShop, name: str, *, is_chaos: bool) -> None:
        self.burning, self._name, self._is_chaos = burning, name, is_chaos
        self.figures: Counter[str] = Counter()

    def sales(self, everyday: int, chaos: int) -> Iterator[tuple[Fire, random.Random]]:
        """Yield so many sales."""
        members, stock = CHAOS if self._is_chaos else EVERYDAY
        for number in range(chaos if self._is_chaos else everyday):
            rng = random.Random(f"{SEED}/{self._name}/{number}")
            drawn = fates(rng, count=members, stock=stock, spread=SPREAD_SECONDS)
            fire = Fire(self.burning, Sale(stock=stock, shards=rng.choice((1, 1, 4))), drawn)
            yield fire, rng
            self.figures["sales"] += 1
            self.figures["claims"] += fire.claims
            self.figures["unanswered"] += fire.trouble


@pytest.mark.slow
class TestRedis:
    """The gate's Redis in trouble."""

    def test_c47_flushed_at_random_moments(self, light: Light) -> None:
        """Whoever notices fills it again; nothing is sold twice, nothing is lost."""
        for fire, rng in light.sales(everyday=2, chaos=50):
            fire.burn(lambda: every(rng, rng.randint(1, 4), 3.0, light.burning.redis.flush))

    def test_c48_back_with_what_it_knew_before(self, light: Light) -> None:
        """A restored gate believes in units that are sold: the database refuses."""
        redis = light.burning.redis
        for fire, rng in light.sales(everyday=1, chaos=20):

            def restore() -> None:
                sleep(rng.uniform(0.1, 0.6))
                redis.save()
                sleep(rng.uniform(0.2, 1.5))
                redis.kill()
                sleep(rng.uniform(0.0, 0.3))
                redis.start(is_stale=True)

            fire.burn(restore)

    def test_j_killed_and_started_empty(self, light: Light) -> None:
        """While nobody is there, the database sells more slowly, and says when to come back."""
        redis = light.burning.redis
        for fire, rng in light.sales(everyday=1, chaos=20):

            def restart() -> None:
                sleep(rng.uniform(0.1, 1.0))
                redis.kill()
                sleep(rng.uniform(0.3, 2.0))
                redis.start()

            fire.burn(restart)

    def test_c51_answers_nobody_for_some_seconds(self, light: Light) -> None:
        """It takes connections, and then nothing: the worst way to be away."""
        redis = light.burning.redis
        for fire, rng in light.sales(everyday=1, chaos=10):

            def freeze() -> None:
                sleep(rng.uniform(0.1, 1.0))
                redis.freeze()
                sleep(rng.uniform(2.0, 4.0))
                redis.thaw()

            fire.burn(freeze)

    def test_j159_answers_get_lost_after_the_script_has_run(self, light: Light) -> None:
        """The gate has let somebody through and nobody knows: the database tells."""
        thief = light.burning.redis.thief
        for fire, rng in light.sales(everyday=1, chaos=20):
            before = thief.stolen

            def lose() -> None:
                thief.steal(rng.uniform(0.1, 0.5), rng.randrange(1000))
                sleep(4.0)
                thief.steal(0, 0)

            fire.burn(lose)
            assert thief.stolen > before
            light.figures["answers lost"] += thief.stolen - before


@pytest.mark.slow
class TestProcesses:
    """Processes and the database in trouble."""

    def test_j148_killed_at_random_moments(self, light: Light) -> None:
        """SIGKILL to whatever part of the product; it is started again a moment later."""
        shop = light.burning.shop
        kills = 4
        for fire, rng in light.sales(everyday=1, chaos=50):
            parts = [*PARTS, *rng.choices(PARTS, k=kills)][:kills]
            rng.shuffle(parts)

            def kill() -> None:
                for part in parts:
                    sleep(rng.uniform(0.1, 0.8))
                    shop.kill(part)
                    sleep(rng.uniform(0.0, 0.3))
                    shop.start_part(part)
                    light.figures[part] += 1
                eventually(lambda: is_up(shop), within_seconds=30, what="ready")

            fire.burn(kill)

    def test_j150_the_database_crashes(self, light: Light) -> None:
        """What was told is there afterwards; what was not is asked for again."""
        database = light.burning.database
        for fire, rng in light.sales(everyday=1, chaos=20):

            def crash() -> None:
                sleep(rng.uniform(0.2, 1.5))
                database.crash()
                sleep(rng.uniform(0.0, 0.5))
                database.recover()

            fire.burn(crash)
