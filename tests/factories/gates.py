"""A gate in a test: what the database would say of it, and its plans played step by step."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID, uuid4

from redis import Redis

from flash_sale import filling, filling_script, gate_script
from flash_sale.gate import Gate
from flash_sale.gate_plans import Plan, Shards
from flash_sale.gate_script import Call, Script
from flash_sale.gate_wire import (
    Filling,
    GateClaim,
    GateState,
    GateTarget,
    Verdict,
    entry_name,
    keys_of,
    shard_of,
)

T = TypeVar("T")
HOUR: Final = timedelta(hours=1)
_NAMES: Final = {
    script.sha: name
    for module in (gate_script, filling_script)
    for name, script in vars(module).items()
    if isinstance(script, Script)
}
# As if the database had been read so much later than the gate was last told anything.
LATER: Final = timedelta(milliseconds=200)


class GateBench:
    """One campaign's gate and what is true of it; its database goes by the clock of Redis."""

    def __init__(self, redis: Any, *, units: int = 10, limit: int = 2, shards: int = 1) -> None:
        """Fill nothing yet."""
        self.redis = redis
        self.gate = Gate(redis)
        self.shards = shards
        self.campaign_id = uuid4()
        self.units, self.limit = units, limit
        self.sold: dict[bytes, GateClaim] = {}
        self.buyers: set[UUID] = set()  # whoever has ever bought

    @property
    def free(self) -> int:
        """Return how many units nobody has bought."""
        return self.units - sum(claim.quantity for claim in self.sold.values())

    @property
    def held(self) -> dict[UUID, int]:
        """Return what each member has who ever bought."""
        held = dict.fromkeys(self.buyers, 0)
        for claim in self.sold.values():
            held[claim.member_id] += claim.quantity
        return held

    def now(self) -> datetime:
        """Return the moment by Redis, which stands for the database's here."""
        node = {"target_nodes": "random"} if hasattr(self.redis, "get_primaries") else {}
        seconds, microseconds = self.redis.time(**node)
        return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)

    def target(self, **changes: Any) -> GateTarget:
        """Return a full reading of what is true now, unless said otherwise."""
        now = self.now()
        told: dict[str, Any] = {
            "campaign_id": self.campaign_id,
            "read_at": now,
            "starts_at": now - HOUR,
            "ends_at": now + HOUR,
            "state": GateState.OPEN,
            "limit_per_member": self.limit,
            "free_units": self.free,
            "waiting_units": 0,
            "held_by_member": self.held,
            "offers": {},
            "is_full": True,
            "shards": self.shards,
        }
        return GateTarget(**(told | changes))

    def fill(self, **changes: Any) -> Filling:
        """Fill the gate."""
        target = self.target(**changes)
        return self.gate.fill(target, now=self.now())

    def fill_later(self, **changes: Any) -> Filling:
        """Fill the gate by a reading that has everything that was settled so far."""
        return self.fill(**({"read_at": self.now() + LATER} | changes))

    def buy(self, claim: GateClaim) -> None:
        """Commit a claim."""
        self.sold[entry_name(claim)] = claim
        self.buyers.add(claim.member_id)

    def ask(self, *claims: GateClaim) -> list[Verdict]:
        """Ask the gate."""
        return self.gate.admit(self.campaign_id, claims)

    def give_back(self, *claims: GateClaim) -> None:
        """Say that claims came to nothing."""
        self.gate.settle(self.campaign_id, done=[], given_back=claims)

    def finish(self, *claims: GateClaim) -> None:
        """Commit claims, and say so."""
        for claim in claims:
            self.buy(claim)
        self.gate.settle(self.campaign_id, done=claims, given_back=[])

    def keys(self, shard: int = 0) -> tuple[bytes, ...]:
        """Return the keys of a shard."""
        return keys_of(self.campaign_id, shard)

    def shard_units(self, field: str = "units") -> list[int]:
        """Return what each shard has left."""
        return [
            int(self.redis.hget(self.keys(shard)[0], field) or 0) for shard in range(self.shards)
        ]

    def counted(self) -> dict[UUID, int]:
        """Return what the gate believes that each member holds."""
        return {
            UUID(bytes=member): int(units)
            for shard in range(self.shards)
            for member, units in self.redis.hgetall(self.keys(shard)[1]).items()
        }

    def pending(self) -> int:
        """Return how many entries the gate remembers."""
        return sum(int(self.redis.hlen(self.keys(shard)[2])) for shard in range(self.shards))

    def age(self, claim: GateClaim, by: timedelta) -> None:
        """Make an admitted claim as old as if it had been admitted so much earlier."""
        shard = shard_of(claim.member_id, self.shards)
        self.age_entry(self.keys(shard)[2], entry_name(claim), by)

    def age_entry(self, key: bytes, name: bytes, by: timedelta) -> None:
        """Make an entry so much older."""
        quantity, admitted, settled, early = self.redis.hget(key, name).split()
        earlier = int(admitted) - by // timedelta(milliseconds=1)
        if settled != b"0":
            settled = b"%d" % (int(settled) - by // timedelta(milliseconds=1))
        self.redis.hset(key, name, b"%b %d %b %b" % (quantity, earlier, settled, early))

    def filling(self, shards: Shards, target: GateTarget) -> Plan[Filling]:
        """Return the plan of a fill whose clocks differ by nothing but the way to Redis."""
        first = self.now()
        told = [first]

        def seconds() -> float:
            return ((told.pop() if told else self.now()) - first).total_seconds()

        return filling.fill(shards, target, now=first, seconds=seconds)


class Play:
    """A plan that is under way, taken one round of commands further at each step."""

    def __init__(self, redis: "Redis", plan: Plan[Any], then: Callable[[Any], None]) -> None:
        """Send nothing yet."""
        self._redis = redis
        self._plan = plan
        self._then = then
        self._replies: list[Any] | None = None
        self.scripts: set[str] = set()  # names of those that were run

    def step(self) -> bool:
        """Send the next round; say whether there may be another."""
        try:
            calls = next(self._plan) if self._replies is None else self._plan.send(self._replies)
            self._replies = [self._say(call) for call in calls]
        except StopIteration as end:
            self._then(end.value)
            return False
        return True

    def _say(self, call: Call) -> Any:
        self.scripts |= {name for sha, name in _NAMES.items() if sha in call.words}
        return self._redis.execute_command(*(call.whole or call.words))  # type: ignore[no-untyped-call] # as the gate does


def claim_of(
    member_id: UUID | None = None, quantity: int = 1, key: str | None = None, *, early: bool = False
) -> GateClaim:
    """Return a claim of somebody, under a key of its own."""
    return GateClaim(member_id or uuid4(), key or uuid4().hex, quantity, early)


def mirror_of(told: Mapping[UUID, int]) -> dict[UUID, int]:
    """Return the counts without those that are nothing."""
    return {member: units for member, units in told.items() if units}
