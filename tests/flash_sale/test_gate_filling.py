"""Filling the gate: whatever was lost, doubled or restored from an old state is put right."""

from datetime import timedelta
from uuid import uuid4

import pytest
from redis import Redis

from flash_sale.filling import FILLER_SECONDS, LATE_SECONDS, PENDING_SECONDS
from flash_sale.gate_plans import Shards
from flash_sale.gate_wire import Filling, GateState, Verdict
from tests.factories.gates import HOUR, LATER, GateBench, Play, claim_of

TOO_LONG = timedelta(seconds=PENDING_SECONDS + 1)


@pytest.fixture(params=[1, 3])
def bench(redis: "Redis", request: pytest.FixtureRequest) -> GateBench:
    """Return a gate of ten units, two a member, filled; of one shard and of three."""
    bench = GateBench(redis, shards=request.param)
    assert bench.fill() is Filling.FILLED
    return bench


class TestFilling:
    """A fill."""

    def test_deals_the_units_out(self, redis: "Redis") -> None:
        bench = GateBench(redis, units=11, shards=3)
        bench.fill(waiting_units=1)
        assert sorted(bench.shard_units()) == [3, 3, 4]

    def test_changes_nothing_when_nothing_has_happened(self, bench: GateBench) -> None:
        claims = [claim_of(quantity=2) for _ in range(2)]
        bench.ask(*claims)
        before = bench.shard_units(), bench.counted()
        for _ in range(3):
            assert bench.fill() is Filling.FILLED
        assert (bench.shard_units(), bench.counted()) == before

    def test_keeps_what_is_pending(self, bench: GateBench) -> None:
        claims = [claim_of(quantity=2) for _ in range(2)]
        bench.ask(*claims)
        bench.fill_later()
        assert sum(bench.shard_units()) == 6
        assert bench.pending() == 2
        assert bench.counted() == {claim.member_id: 2 for claim in claims}

    def test_forgets_what_a_reading_has(self, bench: GateBench) -> None:
        claim = claim_of()
        bench.ask(claim)
        bench.finish(claim)
        bench.fill()
        assert bench.pending() == 1  # perhaps the reading was just before the commit
        bench.fill_later()
        assert bench.pending() == 0
        assert sum(bench.shard_units()) == bench.free == 9

    def test_c49_gives_back_what_nobody_settled(self, bench: GateBench) -> None:
        claim = claim_of(quantity=2)
        bench.ask(claim)
        bench.age(claim, TOO_LONG)
        bench.fill()
        assert (bench.pending(), sum(bench.shard_units()), bench.counted()) == (0, 10, {})

    def test_c49_may_still_know_whose_claim_it_gave_back(self, bench: GateBench) -> None:
        """Until a reading tells: they are neither refused, nor told "sold out" unasked."""
        claim = claim_of(quantity=2)
        bench.ask(claim)
        bench.age(claim, TOO_LONG)
        bench.fill(is_full=False, held_by_member={})
        assert bench.counted() == {claim.member_id: 0}
        assert bench.ask(claim_of(claim.member_id, quantity=2)) == [Verdict.ADMITTED]

    def test_c49_keeps_what_was_committed_and_never_said(self, bench: GateBench) -> None:
        claim = claim_of(quantity=2)
        bench.ask(claim)
        bench.buy(claim)
        bench.age(claim, TOO_LONG)
        bench.fill()
        assert (bench.pending(), sum(bench.shard_units())) == (0, 8)
        assert bench.counted() == {claim.member_id: 2}

    def test_c48_asks_for_a_full_reading_when_it_has_missed_fills(self, bench: GateBench) -> None:
        """It was away, or is back from an old state: who claimed meanwhile is not known to it."""
        bench.fill(read_at=bench.now() - timedelta(seconds=LATE_SECONDS, milliseconds=-500))
        bought = claim_of()
        bench.buy(bought)
        assert bench.fill(is_full=False, held_by_member={}) is Filling.FILLED
        assert bench.counted() == {}
        later = bench.now() + timedelta(seconds=LATE_SECONDS, milliseconds=500)
        missed = {"read_at": later, "is_full": False, "held_by_member": {}}
        for _ in range(2):  # whoever is told may fail to do it
            assert bench.fill(**missed) is Filling.NEEDS_FULL
        assert bench.fill(read_at=later) is Filling.FILLED
        assert bench.fill(**missed) is Filling.FILLED
        assert bench.counted() == {bought.member_id: 1}

    @pytest.mark.parametrize("wrong", [-3, +5])
    def test_c49_puts_a_wrong_stock_right(self, bench: GateBench, wrong: int) -> None:
        claims = [claim_of() for _ in range(4)]
        bench.ask(*claims)
        bench.redis.hincrby(bench.keys()[0], "units", wrong)
        bench.finish(*claims)
        bench.fill_later()
        assert sum(bench.shard_units()) == 6
        assert min(bench.shard_units()) >= 0

    def test_leaves_nothing_for_sale_when_more_is_pending_than_free(self, bench: GateBench) -> None:
        before = bench.now()
        bench.redis.flushall()
        bench.fill(read_at=before - 2 * LATER)
        bench.ask(*(claim_of() for _ in range(4)))
        bench.fill(read_at=before - LATER, free_units=2)
        assert sum(bench.shard_units()) == 0

    def test_c47_restores_a_gate_that_was_flushed(self, bench: GateBench) -> None:
        claims = [claim_of(quantity=2) for _ in range(3)]
        bench.ask(*claims)
        bench.finish(*claims[:2])
        bench.redis.flushall()
        assert bench.ask(claim_of()) == [Verdict.MISSING]
        assert bench.fill(is_full=False) is Filling.NEEDS_FULL
        assert bench.fill() is Filling.FILLED
        assert sum(bench.shard_units()) == bench.free
        assert bench.counted() == bench.held
        assert bench.ask(claim_of(claims[0].member_id), claims[2]) == [
            Verdict.LIMIT,
            Verdict.ADMITTED,
        ]

    def test_c47_restores_a_shard_that_was_lost_alone(self, redis: "Redis") -> None:
        bench = GateBench(redis, units=9, shards=3)
        bench.fill()
        redis.delete(*bench.keys(1))
        assert bench.fill(is_full=False) is Filling.NEEDS_FULL
        assert bench.fill() is Filling.FILLED
        assert bench.shard_units() == [3, 3, 3]

    def test_c48_puts_a_gate_right_that_came_back_from_an_old_state(self, bench: GateBench) -> None:
        claims = [claim_of(quantity=2) for _ in range(4)]
        bench.ask(claims[0])
        old = {key: bench.redis.dump(key) for key in bench.redis.scan_iter()}
        bench.finish(claims[0])
        bench.ask(*claims[1:])
        bench.finish(*claims[1:])
        bench.fill_later()
        bench.redis.flushall()
        for key, value in old.items():
            bench.redis.restore(key, 0, value)
        bench.age(claims[0], TOO_LONG)
        assert sum(bench.shard_units()) == 8  # of which six are sold
        bench.fill_later()
        bench.fill_later()
        assert sum(bench.shard_units()) == bench.free == 2
        assert bench.counted() == bench.held

    @pytest.mark.parametrize("wrong", [0, 1, 2, 7])
    def test_puts_a_wrong_count_of_a_member_right(self, bench: GateBench, wrong: int) -> None:
        claim = claim_of()
        bench.ask(claim)
        bench.finish(claim)
        for shard in range(bench.shards):
            if bench.redis.hexists(bench.keys(shard)[1], claim.member_id.bytes):
                bench.redis.hset(bench.keys(shard)[1], claim.member_id.bytes, wrong)
        bench.fill_later(is_full=False)
        assert bench.counted() == {claim.member_id: 1}

    def test_leaves_members_alone_that_a_small_reading_does_not_name(
        self, bench: GateBench
    ) -> None:
        claim = claim_of()
        bench.ask(claim)
        bench.finish(claim)
        bench.fill_later(held_by_member={}, is_full=False)
        assert bench.counted() == {claim.member_id: 1}

    def test_clears_whom_a_full_reading_does_not_name_unless_a_claim_is_pending(
        self, bench: GateBench
    ) -> None:
        gone, pending = claim_of(), claim_of()
        bench.ask(gone, pending)
        bench.finish(gone)
        bench.sold.clear()
        bench.buyers.clear()  # it became another member's
        bench.fill_later()
        assert bench.counted() == {pending.member_id: 1}

    @pytest.mark.parametrize("is_full", [True, False])
    def test_knows_whose_units_came_back(self, bench: GateBench, is_full: bool) -> None:
        """Their claim may be asked for again, and is looked up; also after one that failed."""
        gone = claim_of()
        bench.ask(gone)
        bench.finish(gone)
        bench.sold.clear()  # it lapsed
        bench.fill_later(is_full=is_full)
        another = claim_of(gone.member_id)
        bench.ask(another)
        bench.give_back(another)
        assert bench.counted() == {gone.member_id: 0}
        assert bench.gate.holding(bench.campaign_id, [gone.member_id]) == {gone.member_id}

    def test_takes_early_units_as_told_less_what_is_pending(self, bench: GateBench) -> None:
        now = bench.now()
        bench.redis.flushall()
        early = {"starts_at": now + HOUR, "ends_at": now + 2 * HOUR, "early_starts_at": now - HOUR}
        bench.fill(**early, early_units=6, read_at=now - 2 * LATER)
        assert bench.ask(*(claim_of(early=True) for _ in range(2))) == [Verdict.ADMITTED] * 2
        bench.fill(**early, early_units=3, read_at=now - LATER)
        assert sum(bench.shard_units("early_units")) == 1

    def test_changes_window_state_and_limit(self, bench: GateBench) -> None:
        bench.fill(limit_per_member=5)
        assert bench.ask(claim_of(quantity=3)) == [Verdict.ADMITTED]
        bench.fill(state=GateState.PAUSED)
        assert bench.ask(claim_of()) == [Verdict.PAUSED]
        bench.fill(ends_at=bench.now() - LATER)
        assert bench.ask(claim_of()) == [Verdict.ENDED]

    def test_cuts_a_gate_anew(self, bench: GateBench) -> None:
        stranger = GateBench(bench.redis)
        stranger.campaign_id = bench.campaign_id
        stranger.ask(claim_of())  # which now knows how many shards there are
        more = bench.shards + 2
        assert bench.fill(shards=more) is Filling.NEEDS_FULL
        assert bench.fill(shards=more) is Filling.FILLED
        assert stranger.ask(*(claim_of() for _ in range(12))).count(Verdict.ADMITTED) == 10

    def test_lasts_a_day(self, bench: GateBench) -> None:
        bench.ask(claim_of())
        bench.fill()
        assert all(3600 < bench.redis.ttl(key) <= 86_400 for key in bench.redis.scan_iter())


class TestTwoFillings:
    """Two that fill the same gate."""

    def test_an_older_reading_never_overwrites_a_younger_one(self, bench: GateBench) -> None:
        old = bench.target()
        claim = claim_of()
        bench.ask(claim)
        bench.finish(claim)
        bench.fill_later()
        assert bench.gate.fill(old, now=bench.now()) is Filling.OLDER
        assert sum(bench.shard_units()) == 9

    def test_one_waits_for_the_other(self, bench: GateBench) -> None:
        first = Play(bench.redis, bench.filling(Shards(), bench.target()), lambda _: None)
        first.step()
        first.step()
        assert bench.fill() is Filling.BUSY
        while first.step():
            pass
        assert bench.fill() is Filling.FILLED

    def test_one_that_stalled_does_nothing(self, bench: GateBench) -> None:
        ends: list[Filling] = []
        stalled = Play(
            bench.redis, bench.filling(Shards(), bench.target(free_units=3)), ends.append
        )
        while "LOOK" not in stalled.scripts:
            stalled.step()
        bench.redis.delete(bench.keys()[0] + b":filler")  # its time is over
        assert bench.fill() is Filling.FILLED
        while stalled.step():
            pass
        assert ends == [Filling.BUSY]
        assert sum(bench.shard_units()) == 10

    @pytest.mark.parametrize("last", ["LOOK", "COUNT"])
    @pytest.mark.parametrize("was_lost", [False, True])
    def test_c47_one_that_began_before_a_loss_does_nothing(
        self, bench: GateBench, last: str, *, was_lost: bool
    ) -> None:
        claim = claim_of()
        bench.ask(claim)
        ends: list[Filling] = []
        if was_lost:
            bench.redis.flushall()
        held = {uuid4(): 1} | bench.held  # somebody else has one, so that there is a count
        before = bench.target(held_by_member=held)
        stalled = Play(bench.redis, bench.filling(Shards(), before), ends.append)
        while last not in stalled.scripts:
            stalled.step()
        bench.buy(claim)
        bench.redis.flushall()
        if last == "LOOK":  # else nobody fills it meanwhile
            assert bench.fill() is Filling.FILLED
        while stalled.step():
            pass
        assert ends == [Filling.BUSY]
        assert bench.fill() is Filling.FILLED
        assert bench.counted() == bench.held == {claim.member_id: 1}
        assert sum(bench.shard_units()) == 9

    def test_one_that_died_holds_nobody_up_for_long(self, bench: GateBench) -> None:
        died = Play(bench.redis, bench.filling(Shards(), bench.target()), lambda _: None)
        died.step()
        assert 0 < bench.redis.ttl(bench.keys()[0] + b":filler") <= FILLER_SECONDS
