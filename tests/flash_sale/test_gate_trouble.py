"""The gate of a flash sale: what it counts and shows, crowds at it, and Redis in trouble."""

import asyncio
import threading
from collections import Counter
from pathlib import Path
from uuid import uuid4

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import NoPermissionError
from redis.retry import Retry

from flash_sale.gate import AsyncGate, Gate, check_policy, list_weaknesses
from flash_sale.gate_wire import Filling, GateClaim, GateState, GateUnavailable, Verdict
from tests.factories.gates import HOUR, GateBench, claim_of


@pytest.fixture
def bench(redis: "Redis") -> GateBench:
    """Return a gate of ten units, two a member, filled."""
    bench = GateBench(redis)
    assert bench.fill() is Filling.FILLED
    return bench


class TestCounting:
    """What may be read of a gate."""

    def test_counts_each_verdict_once(self, bench: GateBench) -> None:
        claims = [claim_of(quantity=2) for _ in range(5)]
        bench.ask(*claims, claim_of(), claim_of(claims[0].member_id))
        bench.give_back(claims[0])
        counts = bench.gate.read_counts(bench.campaign_id)
        assert {verdict: n for verdict, n in counts.verdicts.items() if n} == {
            Verdict.ADMITTED: 5,
            Verdict.SOLD_OUT: 1,
            Verdict.LIMIT: 1,
        }
        assert (counts.claims, counts.units_admitted, counts.units_given_back) == (7, 10, 2)

    def test_counts_a_claim_that_asked_several_shards_once(self, redis: "Redis") -> None:
        bench = GateBench(redis, shards=4)
        bench.fill()
        bench.ask(*(claim_of() for _ in range(14)))
        bench.ask(claim_of())
        counts = bench.gate.read_counts(bench.campaign_id)
        assert (counts.claims, counts.verdicts[Verdict.SOLD_OUT]) == (15, 5)

    def test_counts_nothing_of_a_gate_that_is_not_there(self, redis: "Redis") -> None:
        assert GateBench(redis).gate.read_counts(uuid4()).claims == 0

    def test_shows_what_is_left_over_all_shards(self, redis: "Redis") -> None:
        bench, lucky, now = GateBench(redis, shards=3), uuid4(), GateBench(redis).now()
        starts_at, ends_at = now.replace(microsecond=0) - HOUR, now.replace(microsecond=0) + HOUR
        bench.fill(starts_at=starts_at, ends_at=ends_at, offers={lucky: uuid4()}, waiting_units=1)
        bench.ask(*(claim_of() for _ in range(4)))
        view = bench.gate.peek(bench.campaign_id)
        assert view is not None
        assert (view.units, view.offered, view.state) == (5, frozenset({lucky}), GateState.OPEN)
        assert (view.starts_at, view.ends_at, view.early_starts_at) == (starts_at, ends_at, None)

    def test_asks_a_cluster_of_which_one_node_answers(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cluster = RedisCluster.__new__(RedisCluster)
        for told, warning in (({"maxmemory_policy": "noeviction"}, None), ({"used": 1}, None)):
            monkeypatch.setattr(cluster, "info", lambda *_, told=told, **__: told)
            assert check_policy(cluster) is warning
        monkeypatch.setattr(cluster, "info", lambda *_, **__: {"maxmemory_policy": "allkeys-lru"})
        assert "allkeys-lru" in (check_policy(cluster) or "")

    def test_tells_a_policy_that_throws_keys_away(self, redis: "Redis") -> None:
        assert check_policy(redis) is None
        redis.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert "allkeys-lru" in (check_policy(redis) or "")
        finally:
            redis.config_set("maxmemory-policy", "noeviction")

    def test_a_redis_that_tells_nothing_of_its_memory_is_no_worse(
        self, redis: "Redis", monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def forbid(*_: str) -> dict[str, str]:
            raise NoPermissionError("not for you")

        for info in (lambda _: {}, forbid):
            monkeypatch.setattr(redis, "info", info)
            assert list_weaknesses(redis) == []


class TestTrouble:
    """A gate in trouble."""

    def test_says_that_redis_is_away(self, tmp_path: Path) -> None:
        gate = Gate(Redis(unix_socket_path=str(tmp_path / "nobody"), retry=Retry(NoBackoff(), 0)))
        with pytest.raises(GateUnavailable):
            gate.admit(uuid4(), [claim_of()])
        with pytest.raises(GateUnavailable):
            gate.peek(uuid4())

    def test_says_so_to_an_event_loop_too(self, tmp_path: Path) -> None:
        async def ask() -> None:
            path, never = str(tmp_path / "nobody"), AsyncRetry(NoBackoff(), 0)
            async with AsyncRedis(unix_socket_path=path, retry=never) as redis:
                with pytest.raises(GateUnavailable):
                    await AsyncGate(redis).admit(uuid4(), [claim_of()])

        asyncio.run(ask())

    def test_says_that_redis_is_slow(self, bench: GateBench, redis_url: str) -> None:
        slow = Redis.from_url(redis_url, socket_timeout=0.05)
        gate = Gate(slow)
        bench.redis.client_pause(300)
        with pytest.raises(GateUnavailable):
            gate.admit(bench.campaign_id, [claim_of()])
        slow.close()

    def test_says_scripts_again_that_redis_has_forgotten(self, bench: GateBench) -> None:
        bench.redis.script_flush()
        assert bench.ask(claim_of()) == [Verdict.ADMITTED]
        bench.redis.script_flush()
        assert bench.fill() is Filling.FILLED

    def test_says_them_again_within_a_round_to_several_shards(self, redis: "Redis") -> None:
        bench = GateBench(redis, shards=4)
        bench.fill()
        redis.script_flush()
        assert bench.ask(*(claim_of() for _ in range(8))) == [Verdict.ADMITTED] * 8


@pytest.mark.race
class TestRaces:
    """Threads at a gate."""

    @pytest.mark.parametrize("shards", [1, 4])
    def test_c53_one_member_is_admitted_once(self, redis: "Redis", shards: int) -> None:
        bench = GateBench(redis, limit=1, shards=shards)
        bench.fill()
        member = uuid4()
        assert race(bench, [[claim_of(member)] for _ in range(50)])[Verdict.ADMITTED] == 1

    @pytest.mark.parametrize("shards", [1, 3, 16])
    def test_c45_many_members_are_admitted_to_the_last_unit(
        self, redis: "Redis", shards: int
    ) -> None:
        bench = GateBench(redis, units=100, shards=shards)
        bench.fill()
        said = race(bench, [[claim_of() for _ in range(20)] for _ in range(20)])
        assert said[Verdict.ADMITTED] <= 100
        rest = bench.ask(*(claim_of() for _ in range(100)))
        assert said[Verdict.ADMITTED] + rest.count(Verdict.ADMITTED) == 100


def race(bench: GateBench, batches: list[list[GateClaim]]) -> Counter[Verdict]:
    """Ask about each batch in a thread of its own, all at once; return how often was said what."""
    barrier, said = threading.Barrier(len(batches)), Counter[Verdict]()
    turn = threading.Lock()

    def ask(batch: list[GateClaim]) -> None:
        barrier.wait()
        verdicts = bench.ask(*batch)
        with turn:
            said.update(verdicts)

    threads = [threading.Thread(target=ask, args=(batch,)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said


def test_an_event_loop_asks_the_same_gate(bench: GateBench, redis_url: str) -> None:
    async def play() -> None:
        async with AsyncRedis.from_url(redis_url) as redis:
            gate, claims = AsyncGate(redis), [claim_of() for _ in range(12)]
            target = bench.target(shards=2)
            assert await gate.fill(target, now=bench.now()) is Filling.NEEDS_FULL
            assert await gate.fill(target, now=bench.now()) is Filling.FILLED
            await redis.script_flush()
            said = await gate.admit(bench.campaign_id, claims)
            assert said.count(Verdict.ADMITTED) == 10
            back = [claim for claim, verdict in zip(claims, said, strict=True) if not verdict][:3]
            await gate.settle(bench.campaign_id, done=[], given_back=back)
            view = await gate.peek(bench.campaign_id)
            assert view is not None
            assert view.units == 3
            counts = await gate.read_counts(bench.campaign_id)
            assert (counts.claims, counts.units_given_back) == (12, 3)

    asyncio.run(play())
