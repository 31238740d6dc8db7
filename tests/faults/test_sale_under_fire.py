"""Flash sales through the whole product while its servers and processes are in trouble."""

from random import Random
from time import sleep
from typing import Final

import pytest

from tests.faults.lights import SPREAD_SECONDS, Light, every

KILLS: Final = 4  # in each sale


@pytest.mark.slow
class TestRedis:
    """The gate's Redis in trouble."""

    def test_c47_flushed_at_random_moments(self, light: Light) -> None:
        """Whoever notices fills it again; nothing is sold twice, nothing is lost."""
        redis = light.burning.redis

        def flush(rng: Random) -> None:
            times = rng.randint(1, 4)
            every(rng, times, SPREAD_SECONDS + 1, redis.flush)
            light.figures["flushes"] += times

        light.burn(flush, everyday=2, chaos=50)

    def test_c48_back_with_what_it_knew_before(self, light: Light) -> None:
        """A restored gate believes in units that are sold: the database refuses."""
        redis = light.burning.redis

        def restore(rng: Random) -> None:
            sleep(rng.uniform(0.1, 0.6))
            redis.save()
            sleep(rng.uniform(0.2, 1.5))
            redis.kill()
            sleep(rng.uniform(0.0, 0.3))
            redis.start(is_stale=True)

        light.burn(restore, everyday=1, chaos=20)

    def test_c51_killed_and_started_empty(self, light: Light) -> None:
        """While nobody is there, the database sells more slowly, and says when to come back."""
        redis = light.burning.redis

        def restart(rng: Random) -> None:
            sleep(rng.uniform(0.1, 1.0))
            redis.kill()
            sleep(rng.uniform(0.3, 2.0))
            redis.start()

        light.burn(restart, everyday=1, chaos=20)

    def test_c51_answers_nobody_for_some_seconds(self, light: Light) -> None:
        """It takes connections, and then nothing: the worst way to be away."""
        redis = light.burning.redis

        def freeze(rng: Random) -> None:
            sleep(rng.uniform(0.1, 1.0))
            redis.freeze()
            sleep(rng.uniform(2.0, 4.0))
            redis.thaw()

        light.burn(freeze, everyday=1, chaos=10)

    def test_j159_answers_get_lost_after_the_script_has_run(self, light: Light) -> None:
        """The gate has let somebody through and nobody knows: the database tells."""
        thief = light.burning.redis.thief

        def lose(rng: Random) -> None:
            before = thief.stolen
            thief.steal(rng.uniform(0.1, 0.5), rng.randrange(1000))
            sleep(4.0)
            thief.steal(0, 0)
            assert thief.stolen > before
            light.figures["answers lost"] += thief.stolen - before

        light.burn(lose, everyday=1, chaos=20)


@pytest.mark.slow
class TestProcesses:
    """Processes and the database in trouble."""

    def test_j148_killed_at_random_moments(self, light: Light) -> None:
        """SIGKILL to whatever part of the product; it is started again a moment later."""
        shop = light.burning.shop

        def kill(rng: Random) -> None:
            parts = [*shop.parts, *rng.choices(shop.parts, k=KILLS)][:KILLS]
            rng.shuffle(parts)
            for part in parts:
                sleep(rng.uniform(0.1, 0.8))
                shop.kill(part)
                sleep(rng.uniform(0.0, 0.3))
                shop.start_part(part)
                light.figures[part] += 1
            shop.wait_until_ready()

        light.burn(kill, everyday=1, chaos=50)

    def test_j150_the_database_crashes(self, light: Light) -> None:
        """What was told is there afterwards; what was not is asked for again."""
        database = light.burning.database

        def crash(rng: Random) -> None:
            sleep(rng.uniform(0.2, 1.5))
            database.crash()
            sleep(rng.uniform(0.0, 0.5))
            database.recover()

        light.burn(crash, everyday=1, chaos=20)
