"""The gate of a flash sale: what it says to a claim, over a real Redis."""

import asyncio
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from flash_sale.gate import AsyncGate, Gate, check_policy
from flash_sale.gate_plans import MOST_CLAIMS
from flash_sale.gate_wire import Filling, GateClaim, GateState, GateUnavailable, Verdict
from tests.factories.gates import HOUR, GateBench, claim_of

SOON = timedelta(milliseconds=60)


@pytest.fixture
def bench(redis: "Redis") -> GateBench:
    """Return a gate of ten units, two a member, filled."""
    bench = GateBench(redis)
    assert bench.fill() is Filling.FILLED
    return bench


class TestGate:
    """A gate."""

    def test_admits_as_many_claims_as_there_are_units(self, bench: GateBench) -> None:
        verdicts = bench.ask(*(claim_of() for _ in range(15)))
        assert verdicts == [Verdict.ADMITTED] * 10 + [Verdict.SOLD_OUT] * 5

    def test_admits_a_repeated_claim_again_for_nothing(self, bench: GateBench) -> None:
        claim = claim_of(quantity=2)
        assert bench.ask(claim, claim) == [Verdict.ADMITTED] * 2
        assert bench.ask(claim) == [Verdict.ADMITTED]
        assert bench.shard_units() == [8]

    def test_admits_a_repeated_claim_after_it_was_settled_and_sold_out(
        self, bench: GateBench
    ) -> None:
        claim = claim_of()
        bench.ask(claim, *(claim_of() for _ in range(9)))
        bench.finish(claim)
        assert bench.ask(claim, claim_of()) == [Verdict.ADMITTED, Verdict.SOLD_OUT]

    def test_knows_keys_of_different_members_apart(self, bench: GateBench) -> None:
        assert bench.ask(claim_of(key="one"), claim_of(key="one")) == [Verdict.ADMITTED] * 2
        assert bench.shard_units() == [8]

    def test_holds_each_member_to_the_limit(self, bench: GateBench) -> None:
        member = uuid4()
        first, second, third = (claim_of(member) for _ in range(3))
        assert bench.ask(first, second, third) == [
            Verdict.ADMITTED,
            Verdict.ADMITTED,
            Verdict.LIMIT,
        ]
        assert bench.ask(claim_of(member)) == [Verdict.LIMIT]
        assert bench.ask(claim_of(quantity=3)) == [Verdict.LIMIT]

    def test_counts_units_that_were_bought_before(self, bench: GateBench) -> None:
        claim = claim_of(quantity=2)
        bench.buy(claim)
        assert bench.fill() is Filling.FILLED
        assert bench.ask(claim_of(claim.member_id)) == [Verdict.LIMIT]

    def test_says_when_fewer_are_left_than_wanted(self, bench: GateBench) -> None:
        bench.ask(*(claim_of() for _ in range(9)))
        verdicts = bench.ask(claim_of(quantity=2), claim_of(), claim_of(quantity=2))
        assert verdicts == [Verdict.TOO_FEW, Verdict.ADMITTED, Verdict.SOLD_OUT]

    def test_takes_more_claims_than_one_script_does(self, redis: "Redis") -> None:
        bench = GateBench(redis, units=1000)
        bench.fill()
        verdicts = bench.ask(*(claim_of() for _ in range(2 * MOST_CLAIMS + 500)))
        assert Counter(verdicts) == {Verdict.ADMITTED: 1000, Verdict.SOLD_OUT: 12}

    def test_answers_no_claims_with_no_verdicts(self, bench: GateBench) -> None:
        assert bench.ask() == []

    def test_says_that_it_is_missing(self, redis: "Redis") -> None:
        assert GateBench(redis).ask(claim_of(), claim_of()) == [Verdict.MISSING] * 2

    def test_says_that_it_is_missing_after_it_was_flushed(self, bench: GateBench) -> None:
        bench.ask(claim_of())
        bench.redis.flushall()
        assert bench.ask(claim_of()) == [Verdict.MISSING]
        assert bench.gate.peek(bench.campaign_id) is None

    @pytest.mark.parametrize("state", [GateState.PAUSED, GateState.STOPPED])
    def test_takes_nothing_while_it_is_closed_by_hand(
        self, bench: GateBench, state: GateState
    ) -> None:
        before = claim_of()
        bench.ask(before)
        bench.fill(state=state)
        assert bench.ask(claim_of(), before) == [Verdict.PAUSED, Verdict.ADMITTED]

    def test_sends_a_member_with_an_offer_to_the_database(self, bench: GateBench) -> None:
        lucky = uuid4()
        bench.fill(free_units=1, waiting_units=1, offers={lucky: uuid4()})
        assert bench.ask(claim_of(lucky), claim_of()) == [Verdict.OFFERED, Verdict.SOLD_OUT]
        bench.fill(free_units=1)
        assert bench.ask(claim_of(lucky)) == [Verdict.ADMITTED]

    def test_refuses_a_quantity_that_nobody_can_claim(self, bench: GateBench) -> None:
        for quantity in (0, -1, 65_536, 10**9):
            with pytest.raises(ValueError, match="nobody can claim"):
                bench.ask(claim_of(quantity=quantity))


class TestWindow:
    """The window of a gate, by the clock of the database."""

    def test_opens_and_closes_by_itself(self, bench: GateBench) -> None:
        now = bench.now()
        bench.fill(starts_at=now + 2 * SOON, ends_at=now + 4 * SOON)
        seen = [bench.ask(claim_of(uuid4()))[0]]
        while bench.now() < now + 5 * SOON:
            seen += bench.ask(claim_of(quantity=2))
        first = {verdict: seen.index(verdict) for verdict in set(seen)}
        assert sorted(first, key=first.__getitem__)[0] is Verdict.NOT_STARTED
        assert Verdict.ADMITTED in first
        assert seen[-1] is Verdict.ENDED

    @pytest.mark.parametrize("ahead", [-HOUR, HOUR, timedelta(days=-400)])
    def test_goes_by_the_database_though_the_clock_of_redis_is_wrong(
        self, redis: "Redis", ahead: timedelta
    ) -> None:
        bench = GateBench(redis)
        now = bench.now() + ahead
        for starts_at, verdict in (
            (now - SOON, Verdict.ADMITTED),
            (now + HOUR, Verdict.NOT_STARTED),
        ):
            target = bench.target(read_at=now, starts_at=starts_at, ends_at=now + 2 * HOUR)
            now = bench.now() + ahead
            assert bench.gate.fill(target, now=now) is Filling.FILLED
            assert bench.ask(claim_of()) == [verdict]
            now = bench.now() + ahead

    def test_lets_early_members_in_before_as_far_as_the_quota_goes(self, bench: GateBench) -> None:
        now = bench.now()
        early = {"starts_at": now + HOUR, "ends_at": now + 2 * HOUR, "early_starts_at": now - HOUR}
        bench.fill(**early, early_units=3)
        verdicts = bench.ask(
            claim_of(early=True, quantity=2),
            claim_of(),
            claim_of(early=True, quantity=2),
            claim_of(early=True),
            claim_of(early=True),
        )
        no = Verdict.NOT_STARTED
        assert verdicts == [Verdict.ADMITTED, no, no, Verdict.ADMITTED, no]
        assert bench.shard_units() == [7]

    def test_gives_early_units_back_to_the_quota(self, bench: GateBench) -> None:
        now = bench.now()
        early = {"starts_at": now + HOUR, "ends_at": now + 2 * HOUR, "early_starts_at": now - HOUR}
        bench.fill(**early, early_units=1)
        claim = claim_of(early=True)
        assert bench.ask(claim, claim_of(early=True))[1] is Verdict.NOT_STARTED
        bench.give_back(claim)
        assert bench.ask(claim_of(early=True)) == [Verdict.ADMITTED]

    def test_has_nobody_in_before_the_early_hour(self, bench: GateBench) -> None:
        now = bench.now()
        bench.fill(
            starts_at=now + 2 * HOUR,
            ends_at=now + 3 * HOUR,
            early_starts_at=now + HOUR,
            early_units=5,
        )
        assert bench.ask(claim_of(early=True)) == [Verdict.NOT_STARTED]


class TestSettling:
    """Settling what was admitted."""

    def test_frees_what_is_given_back_at_once(self, bench: GateBench) -> None:
        claims = [claim_of(quantity=2) for _ in range(5)]
        bench.ask(*claims)
        bench.give_back(claims[0])
        assert bench.shard_units() == [2]
        assert bench.ask(claim_of(claims[0].member_id, quantity=2)) == [Verdict.ADMITTED]

    def test_gives_back_once(self, bench: GateBench) -> None:
        claim = claim_of()
        bench.ask(claim)
        bench.give_back(claim, claim)
        bench.give_back(claim)
        assert bench.shard_units() == [10]
        assert bench.counted() == {}

    def test_keeps_what_is_done(self, bench: GateBench) -> None:
        claim = claim_of()
        bench.ask(claim)
        bench.finish(claim)
        bench.give_back(claim)
        assert bench.shard_units() == [9]
        assert bench.counted() == {claim.member_id: 1}

    def test_is_of_no_effect_for_what_was_never_admitted(self, bench: GateBench) -> None:
        bench.give_back(claim_of())
        bench.gate.settle(bench.campaign_id, done=[claim_of()], given_back=[])
        assert bench.shard_units() == [10]
        assert bench.pending() == 0

    def test_takes_more_than_one_script_does(self, redis: "Redis") -> None:
        bench = GateBench(redis, units=1000)
        bench.fill()
        claims = [claim_of() for _ in range(3 * MOST_CLAIMS)]
        bench.ask(*claims)
        bench.give_back(*claims)
        assert bench.shard_units() == [1000]

    def test_of_a_lost_gate_does_nothing(self, redis: "Redis") -> None:
        GateBench(redis).give_back(claim_of())
        assert redis.keys() == []


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
        assert (view.units, view.offered, view.state) == (5, {lucky}, GateState.OPEN)
        assert (view.starts_at, view.ends_at, view.early_starts_at) == (starts_at, ends_at, None)

    def test_tells_a_policy_that_throws_keys_away(self, redis: "Redis") -> None:
        assert check_policy(redis) is None
        redis.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert "allkeys-lru" in (check_policy(redis) or "")
        finally:
            redis.config_set("maxmemory-policy", "noeviction")


class TestTrouble:
    """A gate in trouble."""

    def test_says_that_redis_is_away(self, tmp_path: Path) -> None:
        gate = Gate(Redis(unix_socket_path=str(tmp_path / "nobody")))
        with pytest.raises(GateUnavailable):
            gate.admit(uuid4(), [claim_of()])
        with pytest.raises(GateUnavailable):
            gate.peek(uuid4())

    def test_says_so_to_an_event_loop_too(self, tmp_path: Path) -> None:
        async def ask() -> None:
            async with AsyncRedis(unix_socket_path=str(tmp_path / "nobody")) as redis:
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
