"""The gate of a flash sale: what it says to a claim, over a real Redis."""

from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest
from redis import Redis

from flash_sale.gate_plans import MOST_CLAIMS
from flash_sale.gate_wire import Filling, GateState, Verdict
from tests.factories.gates import HOUR, GateBench, claim_of, mirror_of

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
        assert mirror_of(bench.counted()) == {}

    def test_keeps_what_is_done(self, bench: GateBench) -> None:
        claim = claim_of()
        bench.ask(claim)
        bench.finish(claim)
        bench.give_back(claim)
        assert bench.shard_units() == [9]
        assert bench.counted() == {claim.member_id: 1}

    def test_takes_no_units_for_what_was_never_admitted(self, bench: GateBench) -> None:
        bench.give_back(claim_of())
        assert bench.pending() == 0
        bench.gate.settle(bench.campaign_id, done=[claim_of()], given_back=[])
        assert bench.shard_units() == [10]
        assert mirror_of(bench.counted()) == {}

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

    def test_c47_remembers_whose_entry_was_lost_with_the_gate(self, bench: GateBench) -> None:
        """Whatever readings come that were made just before it was true."""
        claim, stranger = claim_of(), uuid4()
        bench.ask(claim)
        reading = bench.target()  # which has the claim not yet
        bench.redis.flushall()
        bench.gate.fill(reading, now=bench.now())
        bench.redis.hdel(bench.keys()[0], "lost_at")  # another fill was told nothing of it either
        before = bench.target()
        bench.finish(claim)
        bench.gate.fill(before, now=bench.now())
        members = [claim.member_id, stranger]
        assert bench.gate.holding(bench.campaign_id, members) == {claim.member_id}
        assert bench.ask(claim) == [Verdict.ADMITTED]  # the same again, and takes nothing
        assert bench.shard_units() == [10]
        bench.fill_later()
        assert bench.shard_units() == [bench.free] == [9]
        assert (bench.pending(), bench.counted()) == (0, {claim.member_id: 1})

    def test_c47_a_gate_that_was_lost_is_sure_of_nobody_before_another_reading(
        self, bench: GateBench
    ) -> None:
        """A claim was true and told of, then the gate was lost; the reading was made before."""
        claim, stranger = claim_of(), uuid4()
        bench.ask(claim)
        reading = bench.target()
        bench.finish(claim)
        bench.redis.flushall()
        for _ in range(2):  # as long as what is read is no younger
            bench.gate.fill(reading, now=bench.now())
            members = {claim.member_id, stranger}
            assert bench.gate.holding(bench.campaign_id, members) == members
            view = bench.gate.peek(bench.campaign_id)
            assert view is not None
            assert not view.knows_holders
        bench.fill_later(is_full=False)
        assert bench.gate.holding(bench.campaign_id, members) == {claim.member_id}
        view = bench.gate.peek(bench.campaign_id)
        assert view is not None
        assert view.knows_holders

    def test_c48_nor_is_one_on_a_server_that_did_not_fill_it(self, bench: GateBench) -> None:
        """A replica that took over, or one that is back from an old state, may have missed much."""
        member = uuid4()
        bench.redis.hdel(bench.keys()[0], "lost_at")
        assert bench.gate.holding(bench.campaign_id, [member]) == frozenset()
        bench.redis.hset(bench.keys()[0], "server", "another")
        assert bench.gate.holding(bench.campaign_id, [member]) == {member}
        bench.fill()
        assert bench.gate.holding(bench.campaign_id, [member]) == {member}
        bench.fill_later()
        assert bench.gate.holding(bench.campaign_id, [member]) == frozenset()

    def test_c47_remembers_it_while_the_gate_is_lost(self, bench: GateBench) -> None:
        claim = claim_of()
        bench.ask(claim)
        bench.redis.flushall()
        bench.finish(claim)
        assert bench.counted() == {claim.member_id: 0}
        assert all(0 < bench.redis.ttl(key) <= 60 for key in bench.redis.scan_iter())

    def test_c47_of_a_lost_gate_anybody_may_hold_units(self, bench: GateBench) -> None:
        bench.ask(claim_of())
        bench.fill_later()
        members = {uuid4(), uuid4()}
        assert bench.gate.holding(bench.campaign_id, members) == frozenset()
        bench.redis.flushall()
        assert bench.gate.holding(bench.campaign_id, members) == members
