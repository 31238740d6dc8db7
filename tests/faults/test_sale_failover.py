"""Flash sales whose gate is on a cluster that loses a master, with and without a replica."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from time import sleep

import pytest
from redis import Redis
from redis.exceptions import RedisError

from app.machine.redis_cluster import HOST, NODES, EmbeddedCluster
from tests.faults.lights import Light
from tests.faults.sale_fire import BurningShop
from tests.journeys.people import eventually

SHARDS = 8
FOLLOWED = 0  # the master that has a replica
ALONE = 1


@pytest.fixture(scope="module")
def cluster(burning: BurningShop) -> Iterator[EmbeddedCluster]:
    """Return a cluster in which the gates of the shop are, for as long as these tests last."""
    folder = Path(tempfile.mkdtemp(prefix="tuanka-test-"))
    cluster = EmbeddedCluster(folder, replicas=1)
    cluster.start()
    try:
        burning.restart({"GATE_REDIS_URL": cluster.url, "GATE_IS_CLUSTER": "true"})
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
        burning.restart()


def told(cluster: EmbeddedCluster, number: int, part: str) -> dict[str, str]:
    """Return what a node says of itself; nothing when it is away."""
    with suppress(RedisError), Redis(host=HOST, port=cluster.ports[number]) as node:
        return {name: str(value) for name, value in node.info(part).items()}
    return {}


@pytest.mark.slow
class TestFailover:
    """A gate on a cluster in trouble."""

    def test_c48_a_master_is_killed_and_its_replica_takes_its_place(
        self, light: Light, cluster: EmbeddedCluster
    ) -> None:
        """What the replica had not heard of yet is put right by the next fills."""

        def fail_over(rng: Random) -> None:
            pair = {FOLLOWED, NODES}
            masters = [n for n in pair if told(cluster, n, "replication")["role"] == "master"]
            (killed,) = masters
            (other,) = pair - {killed}
            sleep(rng.uniform(0.2, 1.2))
            cluster.kill(killed)
            eventually(
                lambda: told(cluster, other, "replication").get("role") == "master",
                within_seconds=30,
                what="the replica is the master",
            )
            cluster.revive(killed)
            eventually(
                lambda: told(cluster, killed, "replication").get("master_link_status") == "up",
                within_seconds=30,
                what="the old master follows",
            )
            light.figures["failovers"] += 1

        light.burn(fail_over, everyday=1, chaos=15, shards=SHARDS)

    def test_c48_a_master_without_a_replica_is_back_empty(
        self, light: Light, cluster: EmbeddedCluster
    ) -> None:
        """Its shards are lost; until it is back, the database sells."""

        def lose(rng: Random) -> None:
            sleep(rng.uniform(0.2, 1.2))
            cluster.kill(ALONE)
            sleep(rng.uniform(0.2, 3.0))
            cluster.revive(ALONE)
            light.figures["masters lost"] += 1

        light.burn(lose, everyday=1, chaos=15, shards=SHARDS)
