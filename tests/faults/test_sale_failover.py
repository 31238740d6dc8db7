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


def told(cluster: EmbeddedCluster, number: int) -> dict[str, str]:
    """Return what a node says of its replication; nothing when it is away."""
    with suppress(RedisError), Redis(host=HOST, port=cluster.ports[number]) as node:
        return {name: str(value) for name, value in node.info("replication").items()}
    return {}


def fail_over(cluster: EmbeddedCluster) -> None:
    """Kill whichever node is the master of the pair; when the other is, let it come back."""
    pair = {FOLLOWED, NODES}
    (killed,) = [n for n in pair if told(cluster, n).get("role") == "master"]
    (other,) = pair - {killed}
    cluster.kill(killed)
    eventually(
        lambda: told(cluster, other).get("role") == "master",
        within_seconds=30,
        what="the replica is the master",
    )
    cluster.revive(killed)
    eventually(
        lambda: told(cluster, killed).get("master_link_status") == "up",
        within_seconds=30,
        what="the old master follows",
    )


@pytest.mark.slow
class TestFailover:
    """A gate on a cluster in trouble."""

    def test_c48_a_replica_takes_its_master_s_place_and_another_master_is_back_empty(
        self, light: Light, cluster: EmbeddedCluster
    ) -> None:
        """What was lost is put right by the next fills; until then the database sells."""

        def trouble(rng: Random) -> None:
            sleep(rng.uniform(0.1, 1.0))
            fail_over(cluster)
            light.figures["failovers"] += 1
            sleep(rng.uniform(0.0, 1.0))
            cluster.kill(ALONE)
            sleep(rng.uniform(0.2, 3.0))
            cluster.revive(ALONE)
            light.figures["masters lost"] += 1

        light.burn(trouble, everyday=1, chaos=20, shards=SHARDS)
