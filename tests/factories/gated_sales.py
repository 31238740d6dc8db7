"""A model of a sale behind a gate: plans interleave call by call, with trouble in between."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from time import sleep
from typing import Any, Final
from uuid import UUID

from redis import Redis

from flash_sale import filling, gate_plans
from flash_sale.gate_plans import Plan, Shards
from flash_sale.gate_wire import GateClaim, Verdict, entry_name, shard_of
from tests.factories.gates import GateBench, Play, claim_of

Admit = Callable[[Shards, UUID, Sequence[GateClaim]], Plan[list[Verdict]]]
Step = tuple[str, int, int]

UNITS: Final = 12
LIMIT: Final = 4
MEMBERS: Final = [UUID(int=number * 0x1234567) for number in range(1, 7)]
# Between "surely in the reading" and "surely not" lie so many milliseconds, and a pause is longer.
MARGIN_MS: Final = 3
PAUSE_SECONDS: Final = 0.012
TOO_LONG: Final = timedelta(seconds=filling.PENDING_SECONDS + 1)
CALM: Final = (
    "claim",
    "claim",
    "commit",
    "give_back",
    "lapse",
    "fill",
    "small_fill",
    "pause",
)
TROUBLE: Final = (
    "flush",
    "lose_shard",
    "restore",
    "lose_units",
    "find_units",
    "miscount",
)
GO: Final = ("go",) * 7


class GatedSale:
    """A sale behind a gate; plans are under way, each taken on by one round at a time."""

    def __init__(self, redis: "Redis", *, shards: int, admit: Admit = gate_plans.admit) -> None:
        """Fill the gate."""
        redis.flushall()
        self.bench = GateBench(redis, units=UNITS, limit=LIMIT, shards=shards)
        self.bench.fill()
        self._redis, self._admit, self._shards = redis, admit, Shards()
        self.plays: list[Play] = []
        self.live: dict[bytes, GateClaim] = {}  # admitted, and not given back
        self.is_calm = True
        self._old: dict[bytes, tuple[bytes, int]] = {}

    def do(self, step: Step) -> None:
        """Let one thing happen; without trouble nothing is ever promised twice."""
        kind, one, two = step
        getattr(self, kind)(one, two)
        if self.is_calm:
            self.check()

    def check(self) -> None:
        """Nobody is promised what is not there, or more than the limit."""
        held = dict.fromkeys(MEMBERS, 0)
        for claim in self.live.values():
            held[claim.member_id] += claim.quantity
        assert sum(held.values()) <= UNITS, "oversold"
        assert max(held.values()) <= LIMIT, "beyond the limit"

    def claim(self, one: int, two: int) -> None:
        """Have one to five claims asked about together, the first of them twice."""
        claims = [
            claim_of(MEMBERS[(one + number) % len(MEMBERS)], 1 + (two + number) % 3)
            for number in range(1 + two % 5)
        ]
        claims.append(claims[0])

        def admitted(verdicts: list[Verdict]) -> None:
            for claim, verdict in zip(claims, verdicts, strict=True):
                if verdict is Verdict.ADMITTED:
                    self.live[entry_name(claim)] = claim

        self._begin(self._admit(self._shards, self.bench.campaign_id, claims), admitted)

    def commit(self, one: int, two: int) -> None:
        """Commit one claim, as far as the database agrees, and have the gate told."""
        claim = self._pick_open(one)
        if claim is None:
            return
        held = self.bench.held.get(claim.member_id, 0)
        if claim.quantity > self.bench.free or held + claim.quantity > LIMIT:
            assert not self.is_calm, "a claim was let through in vain"
            self._settle(given_back=[claim])
        else:
            self.bench.buy(claim)
            self._settle(done=[claim])

    def give_back(self, one: int, two: int) -> None:
        """Have one claim come to nothing."""
        claim = self._pick_open(one)
        if claim is not None:
            self._settle(given_back=[claim])

    def lapse(self, one: int, two: int) -> None:
        """Have a sold claim come back to the database; the gate hears of it when it is filled."""
        if self.bench.sold:
            name = sorted(self.bench.sold)[one % len(self.bench.sold)]
            del self.bench.sold[name]
            self.live.pop(name, None)

    def fill(self, one: int, two: int) -> None:
        """Read the database, and begin to fill the gate."""
        self._begin(self.bench.filling(Shards(), self.bench.target()), lambda _: None)

    def small_fill(self, one: int, two: int) -> None:
        """Read of two members only."""
        member_ids = [MEMBERS[one % len(MEMBERS)], MEMBERS[two % len(MEMBERS)]]
        held = {member_id: self.bench.held.get(member_id, 0) for member_id in member_ids}
        target = self.bench.target(is_full=False, held_by_member=held)
        self._begin(self.bench.filling(Shards(), target), lambda _: None)

    def pause(self, one: int, two: int) -> None:
        """Let so much time pass that readings are older than what comes."""
        sleep(PAUSE_SECONDS)

    def go(self, one: int, two: int) -> None:
        """Take one of the plans on by a round."""
        if self.plays:
            play = self.plays[one % len(self.plays)]
            if not play.step():
                self.plays.remove(play)

    def flush(self, one: int, two: int) -> None:
        """Lose everything, having kept a copy."""
        self.is_calm = False
        keys = list(self._redis.scan_iter())
        self._old = {key: (self._redis.dump(key) or b"", self._redis.pttl(key)) for key in keys}
        self._redis.flushall()

    def restore(self, one: int, two: int) -> None:
        """Come back from the copy."""
        if self._old:
            self._redis.flushall()
        for key, (value, milliseconds) in self._old.items():
            self._redis.restore(key, max(0, milliseconds), value)

    def lose_shard(self, one: int, two: int) -> None:
        """Lose one shard."""
        self.is_calm = False
        self._redis.delete(*self.bench.keys(one % self.bench.shards))

    def lose_units(self, one: int, two: int) -> None:
        """Count too low."""
        self._miscount_units(one, -(two % 5))

    def find_units(self, one: int, two: int) -> None:
        """Count too high."""
        self._miscount_units(one, two % 5)

    def miscount(self, one: int, two: int) -> None:
        """Have a member hold some number."""
        self.is_calm = False
        member_id = MEMBERS[two % len(MEMBERS)]
        key = self.bench.keys(shard_of(member_id, self.bench.shards))[1]
        self._redis.hset(key, member_id.bytes, str(one % 7))

    def end(self) -> None:
        """Bring everything to its end; then a fill, or two after trouble, put the gate right."""
        while self.plays:
            self.go(0, 0)
        for claim in self._open():
            self._commit_or_give_back(claim)
        sleep(PAUSE_SECONDS * 2)
        if self.is_calm:
            self.bench.fill()
        else:
            self._let_time_pass()
            self.bench.fill()
            self.bench.fill()
        assert self.bench.pending() == 0
        assert sum(self.bench.shard_units()) == self.bench.free
        assert self.bench.counted() == self.bench.held
        rest = self.bench.ask(*(claim_of() for _ in range(UNITS + 1)))
        assert rest.count(Verdict.ADMITTED) == self.bench.free, "not to the last unit"

    def _commit_or_give_back(self, claim: GateClaim) -> None:
        """Settle a claim at once."""
        held = self.bench.held.get(claim.member_id, 0)
        if claim.quantity > self.bench.free or held + claim.quantity > LIMIT:
            self.bench.give_back(claim)
            self.live.pop(entry_name(claim))
        else:
            self.bench.finish(claim)

    def _miscount_units(self, one: int, by: int) -> None:
        self.is_calm = False
        key = self.bench.keys(one % self.bench.shards)[0]
        left = int(self._redis.hget(key, "units") or 0)
        if self._redis.exists(key):
            self._redis.hset(key, "units", str(max(0, left + by)))

    def _let_time_pass(self) -> None:
        """Have nobody left who may settle, deposit or fill."""
        self._redis.delete(self.bench.keys()[0] + b":filler")
        for shard in range(self.bench.shards):
            _, _, entries, _, _, loans = self.bench.keys(shard)
            self._redis.delete(loans)
            for name in self._redis.hkeys(entries):
                self.bench.age_entry(entries, name, TOO_LONG)

    def _open(self) -> list[GateClaim]:
        return [claim for name, claim in self.live.items() if name not in self.bench.sold]

    def _pick_open(self, number: int) -> GateClaim | None:
        claims = self._open()
        return claims[number % len(claims)] if claims else None

    def _settle(self, done: Sequence[GateClaim] = (), given_back: Sequence[GateClaim] = ()) -> None:
        campaign_id = self.bench.campaign_id
        plan = gate_plans.settle(self._shards, campaign_id, done=done, given_back=given_back)
        play = Play(self._redis, plan, lambda _: None)
        while play.step():
            pass
        for claim in given_back:
            self.live.pop(entry_name(claim))

    def _begin(self, plan: Plan[Any], then: Callable[[Any], None]) -> None:
        self.plays.append(Play(self._redis, plan, then))


def play(sale: GatedSale, program: Sequence[Step]) -> None:
    """Let things happen, then bring the sale to its end; `AssertionError` when it goes wrong."""
    for step in program:
        sale.do(step)
    sale.end()
