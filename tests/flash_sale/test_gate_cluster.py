"""The gate on a real Redis Cluster of three: shards lie on different servers."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.cluster import RedisCluster
from redis.exceptions import ConnectionError, RedisError

from app.gate_cluster import connect_late
from app.machine.redis_cluster import NODES, EmbeddedCluster
from flash_sale.gate import AsyncGate, Gate, check_policy
from flash_sale.gate_wire import Filling, GateUnavailable, Verdict
from tests.factories.gates import GateBench, claim_of
from tests.flash_sale.test_gate_trouble import race
from tests.journeys.people import eventually
from tests.servers import free_port

SHARDS = 8


@pytest.fixture(scope="module")
def embedded(no_child_left: None) -> Iterator[EmbeddedCluster]:
    """Return a cluster of this file's own."""
    folder = Path(tempfile.mkdtemp(prefix="tuanka-test-"))
    cluster = EmbeddedCluster(folder)
    cluster.start()
    yield cluster
    cluster.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cluster(embedded: EmbeddedCluster) -> Iterator["RedisCluster"]:
    """Return a client of an empty cluster."""
    client: RedisCluster = RedisCluster.from_url(embedded.url, socket_timeout=5)
    client.flushall(target_nodes=RedisCluster.PRIMARIES)
    yield client
    client.close()


@pytest.fixture
def bench(cluster: "RedisCluster") -> GateBench:
    """Return a gate of forty units over eight shards, filled."""
    bench = GateBench(cluster, units=40, shards=SHARDS)
    assert bench.fill() is Filling.FILLED
    return bench


class TestCluster:
    """A gate on a cluster."""

    def test_has_its_shards_on_several_servers(self, bench: GateBench) -> None:
        nodes = {bench.redis.get_node_from_key(bench.keys(shard)[0]) for shard in range(SHARDS)}
        assert len(nodes) == NODES

    def test_keeps_each_shard_on_one(self, bench: GateBench) -> None:
        slots = [{bench.redis.keyslot(key) for key in bench.keys(shard)} for shard in range(SHARDS)]
        assert all(len(of_shard) == 1 for of_shard in slots)

    @pytest.mark.race
    def test_c45_admits_to_the_last_unit_whoever_asks(self, bench: GateBench) -> None:
        said = race(bench, [[claim_of() for _ in range(8)] for _ in range(10)])
        assert said[Verdict.ADMITTED] <= 40
        rest = bench.ask(*(claim_of() for _ in range(41)))
        assert said[Verdict.ADMITTED] + rest.count(Verdict.ADMITTED) == 40
        assert bench.ask(claim_of()) == [Verdict.SOLD_OUT]

    def test_settles_fills_and_shows(self, bench: GateBench) -> None:
        claims = [claim_of() for _ in range(30)]
        assert bench.ask(*claims) == [Verdict.ADMITTED] * 30
        bench.finish(*claims[:20])
        bench.give_back(*claims[20:])
        bench.fill_later()
        view = bench.gate.peek(bench.campaign_id)
        counts = bench.gate.read_counts(bench.campaign_id)
        assert view is not None
        assert (view.units, counts.units_given_back, bench.pending()) == (20, 10, 0)

    def test_restores_a_server_that_was_flushed(self, bench: GateBench) -> None:
        node = bench.redis.get_node_from_key(bench.keys(0)[0])
        bench.redis.flushall(target_nodes=node)
        assert bench.fill(is_full=False) is Filling.NEEDS_FULL
        assert bench.fill() is Filling.FILLED
        assert sum(bench.shard_units()) == 40

    def test_cuts_a_gate_anew(self, bench: GateBench) -> None:
        assert bench.fill(shards=3) is Filling.NEEDS_FULL
        assert bench.fill(shards=3) is Filling.FILLED
        assert bench.ask(*(claim_of() for _ in range(41))).count(Verdict.ADMITTED) == 40

    def test_says_scripts_again_that_a_server_has_forgotten(self, bench: GateBench) -> None:
        bench.redis.script_flush()
        assert bench.ask(*(claim_of() for _ in range(20))) == [Verdict.ADMITTED] * 20

    def test_tells_a_policy_that_throws_keys_away(self, cluster: "RedisCluster") -> None:
        assert check_policy(cluster) is None
        node = cluster.get_primaries()[1]
        cluster.config_set("maxmemory-policy", "volatile-lru", target_nodes=node)
        try:
            assert f"{node.name} has volatile-lru" in (check_policy(cluster) or "")
        finally:
            cluster.config_set("maxmemory-policy", "noeviction", target_nodes=node)

    def test_is_asked_by_an_event_loop_too(
        self, bench: GateBench, embedded: EmbeddedCluster
    ) -> None:
        async def play() -> None:
            async with AsyncRedisCluster.from_url(embedded.url) as redis:
                gate, claims = AsyncGate(redis), [claim_of() for _ in range(45)]
                assert await gate.fill(bench.target(), now=bench.now()) is Filling.FILLED
                said = await gate.admit(bench.campaign_id, claims)
                assert said.count(Verdict.ADMITTED) == 40
                back = [one for one, verdict in zip(claims, said, strict=True) if not verdict][:7]
                await gate.settle(bench.campaign_id, done=[], given_back=back)
                view = await gate.peek(bench.campaign_id)
                assert view is not None
                assert view.units == 7
                assert await gate.peek(uuid4()) is None

        asyncio.run(play())


@pytest.fixture
def late(embedded: EmbeddedCluster, cluster: "RedisCluster") -> Iterator[GateBench]:
    """Return a gate as the product asks it, on an empty cluster."""
    client = connect_late(embedded.url)
    bench = GateBench(cluster, units=40, shards=SHARDS)
    bench.gate = Gate(client)
    yield bench
    client.close()


class TestAway:
    """A cluster that is away, or a part of it."""

    def test_stops_nobody_from_starting(self) -> None:
        gate = Gate(connect_late(f"redis://127.0.0.1:{free_port()}"))
        for _ in range(2):
            with pytest.raises(GateUnavailable):
                gate.admit(uuid4(), [claim_of()])

    def test_says_whether_it_answers(self, embedded: EmbeddedCluster) -> None:
        client = connect_late(embedded.url)
        assert client.ping()
        client.close()
        with pytest.raises(RedisError):
            connect_late(f"redis://127.0.0.1:{free_port()}").ping()

    def test_is_asked_once_more_and_not_ten_times(
        self, late: GateBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert late.fill() is Filling.FILLED
        tried: list[str] = []

        def refuse(_self: object, _node: object, *words: str, **_more: object) -> None:
            tried.append(words[0])
            raise ConnectionError("away")

        monkeypatch.setattr(RedisCluster, "_execute_command", refuse)
        with pytest.raises(GateUnavailable):
            late.gate.read_counts(uuid4())
        assert tried == ["HGET", "HGET"]

    def test_c48_goes_on_when_a_node_that_was_killed_is_back(
        self, late: GateBench, embedded: EmbeddedCluster
    ) -> None:
        """It holds nothing any more: the gate is filled in full."""
        assert late.fill() is Filling.FILLED
        claims = [claim_of() for _ in range(20)]
        assert late.ask(*claims) == [Verdict.ADMITTED] * 20
        late.finish(*claims)
        embedded.kill(1)
        with pytest.raises(GateUnavailable):
            late.ask(*claims)
        embedded.revive(1)
        eventually(lambda: answers(late), what="the cluster is whole")
        assert late.fill(is_full=False) is Filling.NEEDS_FULL
        assert late.fill() is Filling.FILLED
        assert late.ask(*(claim_of() for _ in range(41))).count(Verdict.ADMITTED) == 20


def answers(bench: GateBench) -> bool:
    """Say whether every shard of a gate answers."""
    try:
        bench.gate.peek(bench.campaign_id)
    except GateUnavailable:
        return False
    return True
