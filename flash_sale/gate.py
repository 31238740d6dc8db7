"""The gate of a flash sale: admits as many claims as there are units, in Redis, before PostgreSQL.

It sheds load and is never the truth: constraints in the database have the last word, and the gate
is brought to agree with the database about once a second. A repeated claim is admitted again, and
takes nothing more, until a reading of the database has it; the database knows it again by its key.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.cluster import RedisCluster
from redis.exceptions import NoScriptError, RedisClusterException, RedisError

from flash_sale import filling, gate_plans
from flash_sale.gate_plans import Plan, Shards
from flash_sale.gate_script import Call
from flash_sale.gate_wire import (
    Filling,
    GateClaim,
    GateCounts,
    GateTarget,
    GateUnavailable,
    GateView,
    Verdict,
)
from kit.clock import monotonic_seconds

T = TypeVar("T")

SAFE_POLICY: Final = "noeviction"


class Gate:
    """The gates of all campaigns, asked by threads; every method raises `GateUnavailable`."""

    def __init__(self, redis: "Redis | RedisCluster") -> None:
        """Keep the connection, which must not decode answers; nothing is sent."""
        self._redis = redis
        self._say: Callable[..., Any] = redis.execute_command
        self._shards = Shards()

    def admit(self, campaign_id: UUID, claims: Sequence[GateClaim]) -> list[Verdict]:
        """Return a verdict for each claim, in their order."""
        return self._follow(gate_plans.admit(self._shards, campaign_id, claims))

    def settle(
        self, campaign_id: UUID, *, done: Sequence[GateClaim], given_back: Sequence[GateClaim]
    ) -> None:
        """Say of admitted claims which are in the database now, and which will not be.

        Units given back are free again at once, and no longer count against their member's limit.
        What was never admitted, or was settled before, changes nothing.
        """
        plan = gate_plans.settle(self._shards, campaign_id, done=done, given_back=given_back)
        self._follow(plan)

    def fill(self, target: GateTarget, *, now: datetime) -> Filling:
        """Bring the gate to agree with the database; `now` is the database's clock at this call."""
        plan = filling.fill(self._shards, target, now=now, seconds=monotonic_seconds)
        return self._follow(plan)

    def peek(self, campaign_id: UUID) -> GateView | None:
        """Return what may be said of the gate, None when it is lost or was never filled."""
        return self._follow(gate_plans.peek(self._shards, campaign_id))

    def holding(self, campaign_id: UUID, member_ids: Iterable[UUID]) -> frozenset[UUID]:
        """Return who of them may have claimed before, and are looked up when refused."""
        return self._follow(gate_plans.holding(self._shards, campaign_id, member_ids))

    def list_holders(self, campaign_id: UUID) -> frozenset[bytes]:
        """Return the bytes of the ids of who ever claimed, at least those of the last `peek`."""
        return self._follow(gate_plans.list_holders(self._shards, campaign_id))

    def read_counts(self, campaign_id: UUID) -> GateCounts:
        """Return what the gate has counted."""
        return self._follow(gate_plans.read_counts(self._shards, campaign_id))

    def _follow(self, plan: Plan[T]) -> T:
        with _said_plainly():
            try:
                calls = next(plan)
                while True:
                    calls = plan.send(self._send(calls))
            except StopIteration as end:
                result: T = end.value
                return result

    def _send(self, calls: Sequence[Call]) -> list[Any]:
        if len(calls) == 1:
            return [self._ask(calls[0])]
        pipeline = self._redis.pipeline(transaction=False)
        for call in calls:
            pipeline.execute_command(*call.words)
        replies = pipeline.execute(raise_on_error=False)
        return [
            self._ask(call) if isinstance(reply, NoScriptError) else _told(reply)
            for call, reply in zip(calls, replies, strict=True)
        ]

    def _ask(self, call: Call) -> Any:
        try:
            return self._say(*call.words)
        except NoScriptError:
            # Said in full once, the server knows it from then on.
            return self._say(*call.whole or call.words)


class AsyncGate:
    """The same, asked by an event loop."""

    def __init__(self, redis: "AsyncRedis | AsyncRedisCluster") -> None:
        """Keep the connection, which must not decode answers; nothing is sent."""
        self._redis = redis
        self._shards = Shards()

    async def admit(self, campaign_id: UUID, claims: Sequence[GateClaim]) -> list[Verdict]:
        """Return a verdict for each claim, in their order."""
        return await self._follow(gate_plans.admit(self._shards, campaign_id, claims))

    async def settle(
        self, campaign_id: UUID, *, done: Sequence[GateClaim], given_back: Sequence[GateClaim]
    ) -> None:
        """Say of admitted claims which are in the database now, and which will not be."""
        plan = gate_plans.settle(self._shards, campaign_id, done=done, given_back=given_back)
        await self._follow(plan)

    async def fill(self, target: GateTarget, *, now: datetime) -> Filling:
        """Bring the gate to agree with the database; `now` is the database's clock at this call."""
        plan = filling.fill(self._shards, target, now=now, seconds=monotonic_seconds)
        return await self._follow(plan)

    async def peek(self, campaign_id: UUID) -> GateView | None:
        """Return what may be said of the gate, None when it is lost or was never filled."""
        return await self._follow(gate_plans.peek(self._shards, campaign_id))

    async def holding(self, campaign_id: UUID, member_ids: Iterable[UUID]) -> frozenset[UUID]:
        """Return who of them may have claimed before, and are looked up when refused."""
        return await self._follow(gate_plans.holding(self._shards, campaign_id, member_ids))

    async def read_counts(self, campaign_id: UUID) -> GateCounts:
        """Return what the gate has counted."""
        return await self._follow(gate_plans.read_counts(self._shards, campaign_id))

    async def _follow(self, plan: Plan[T]) -> T:
        with _said_plainly():
            try:
                calls = next(plan)
                while True:
                    calls = plan.send(await self._send(calls))
            except StopIteration as end:
                result: T = end.value
                return result

    async def _send(self, calls: Sequence[Call]) -> list[Any]:
        if len(calls) == 1:
            return [await self._ask(calls[0])]
        pipeline = self._redis.pipeline(transaction=False)
        for call in calls:
            pipeline.execute_command(*call.words)
        replies = await pipeline.execute(raise_on_error=False)
        return [
            await self._ask(call) if isinstance(reply, NoScriptError) else _told(reply)
            for call, reply in zip(calls, replies, strict=True)
        ]

    async def _ask(self, call: Call) -> Any:
        try:
            return await self._redis.execute_command(*call.words)
        except NoScriptError:
            return await self._redis.execute_command(*call.whole or call.words)


def check_policy(redis: "Redis | RedisCluster") -> str | None:
    """Return a warning when Redis may throw keys of the gate away to make room, else None."""
    with _said_plainly():
        if isinstance(redis, RedisCluster):
            told = redis.info("memory", target_nodes=RedisCluster.PRIMARIES)
        else:
            told = redis.info("memory")
    if not all(isinstance(node, dict) for node in told.values()):
        told = {"Redis": told}  # one that answers alone is not named, in a cluster neither
    policies = {name: node.get("maxmemory_policy", SAFE_POLICY) for name, node in told.items()}
    bad = sorted(
        f"{name} has {policy}" for name, policy in policies.items() if policy != SAFE_POLICY
    )
    return f"maxmemory-policy must be {SAFE_POLICY}: {', '.join(bad)}" if bad else None


def list_weaknesses(redis: "Redis | RedisCluster") -> list[str]:
    """Return what `/readyz` names as degraded: `gate_policy`, or nothing.

    A Redis that is away, or that tells nobody of its memory, as some do for whom others see to
    it, is not held against anybody here.
    """
    try:
        warning = check_policy(redis)
    except GateUnavailable:
        return []
    return [] if warning is None else ["gate_policy"]


@contextmanager
def _said_plainly() -> Iterator[None]:
    """Say whatever goes wrong in Redis as `GateUnavailable`."""
    try:
        yield
    except (RedisError, RedisClusterException) as exc:
        raise GateUnavailable from exc


def _told(reply: Any) -> Any:
    if isinstance(reply, Exception):
        raise reply
    return reply
