"""Units of a gate that go from shard to shard, and the arithmetic of it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from flash_sale.filling import Shard, even_shares, nearest, on_the_way, spread
from flash_sale.gate_wire import Verdict
from tests.factories.gates import GateBench, claim_of


class TestLoans:
    """Units that go from shard to shard."""

    def test_a_loan_that_was_lost_on_its_way_is_replaced(self, redis: "Redis") -> None:
        bench = GateBench(redis, shards=2)
        bench.fill()
        redis.hincrby(bench.keys(0)[0], "units", -3)
        sent = (bench.now() - timedelta(seconds=2)).timestamp() * 1000
        redis.hset(bench.keys(0)[5], "Labc", f"3 {sent:.0f}")
        bench.fill_later()
        assert sum(bench.shard_units()) == 10

    def test_a_loan_that_is_just_on_its_way_is_not(self, redis: "Redis") -> None:
        bench = GateBench(redis, shards=2)
        bench.fill()
        redis.hincrby(bench.keys(0)[0], "units", -3)
        redis.hset(bench.keys(0)[5], "Labc", f"3 {bench.now().timestamp() * 1000:.0f}")
        bench.fill_later()
        assert sum(bench.shard_units()) == 7

    def test_the_last_unit_of_all_shards_is_found(self, redis: "Redis") -> None:
        bench = GateBench(redis, units=5, limit=5, shards=16)
        bench.fill()
        assert bench.ask(claim_of(quantity=5)) == [Verdict.ADMITTED]
        assert bench.ask(claim_of()) == [Verdict.SOLD_OUT]

    def test_too_few_is_said_when_all_together_have_too_few(self, redis: "Redis") -> None:
        bench = GateBench(redis, units=4, limit=9, shards=4)
        bench.fill()
        assert bench.ask(claim_of(quantity=5)) == [Verdict.TOO_FEW]
        assert sum(bench.shard_units()) == 4


class TestArithmetic:
    """What a fill reckons with."""

    @given(st.integers(0, 10_000), st.integers(1, 16))
    def test_even_shares_sum_to_the_whole(self, units: int, shards: int) -> None:
        shares = even_shares(units, shards)
        assert sum(shares) == units
        assert max(shares) - min(shares) <= 1

    @given(st.lists(st.integers(0, 100), min_size=1, max_size=16), st.integers(-1600, 1600))
    def test_spread_moves_just_the_change_and_nobody_below_nothing(
        self, units: list[int], change: int
    ) -> None:
        change = max(change, -sum(units))
        changes = spread(units, change)
        assert sum(changes) == change
        assert all(own + moved >= 0 for own, moved in zip(units, changes, strict=True))
        assert all(moved * change >= 0 for moved in changes)

    @pytest.mark.parametrize(
        ("number", "least", "most", "right"),
        [(5, 3, 7, 5), (2, 3, 7, 3), (9, 3, 7, 7), (5, -4, -1, 0), (0, -4, 2, 0), (9, -4, 2, 2)],
    )
    def test_nearest_is_within_and_never_below_nothing(
        self, number: int, least: int, most: int, right: int
    ) -> None:
        assert nearest(number, least, most) == right

    def test_what_was_seen_at_both_ends_is_not_on_the_way(self) -> None:
        lent, paid = (b"La", 3, b"Lb", 2), (b"Da", 3, b"Dc", 4)
        looks = [Shard(1, 1, 2, loans=lent), Shard(1, 1, 2, loans=paid)]
        assert on_the_way(looks) == 2 - 4
