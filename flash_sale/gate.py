"""The gate of a flash sale: admits as many claims as there are units, in Redis, before PostgreSQL.

It sheds load and is never the truth: constraints in the database have the last word, and the gate
is brought to agree with the database about once a second.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.cluster import RedisCluster

from flash_sale.gate_wire import Filling, GateClaim, GateCounts, GateTarget, GateView, Verdict


class Gate:
    """Gates of all campaigns, asked by threads; every method raises `GateUnavailable`."""

    def __init__(self, redis: "Redis | RedisCluster") -> None:
        """Keep the connection; nothing is sent."""
        raise NotImplementedError

    def admit(self, campaign_id: UUID, claims: Sequence[GateClaim]) -> list[Verdict]:
        """Return a verdict for each claim, in their order."""
        raise NotImplementedError

    def settle(
        self, campaign_id: UUID, *, done: Sequence[GateClaim], given_back: Sequence[GateClaim]
    ) -> None:
        """Say of admitted claims which are in the database now, and which will not be.

        Units given back are free again at once, and no longer count against their member's limit.
        What was never admitted, or was settled before, changes nothing.
        """
        raise NotImplementedError

    def fill(self, target: GateTarget, *, now: datetime) -> Filling:
        """Bring the gate to agree with the database; `now` is the database's clock at this call."""
        raise NotImplementedError

    def peek(self, campaign_id: UUID) -> GateView | None:
        """Return what may be said of the gate, None when it is lost or was never filled."""
        raise NotImplementedError

    def read_counts(self, campaign_id: UUID) -> GateCounts:
        """Return what the gate has counted."""
        raise NotImplementedError


class AsyncGate:
    """The same, asked by an event loop."""

    def __init__(self, redis: "AsyncRedis | AsyncRedisCluster") -> None:
        """Keep the connection; nothing is sent."""
        raise NotImplementedError

    async def admit(self, campaign_id: UUID, claims: Sequence[GateClaim]) -> list[Verdict]:
        """Return a verdict for each claim, in their order."""
        raise NotImplementedError

    async def settle(
        self, campaign_id: UUID, *, done: Sequence[GateClaim], given_back: Sequence[GateClaim]
    ) -> None:
        """Say of admitted claims which are in the database now, and which will not be."""
        raise NotImplementedError

    async def fill(self, target: GateTarget, *, now: datetime) -> Filling:
        """Bring the gate to agree with the database; `now` is the database's clock at this call."""
        raise NotImplementedError

    async def peek(self, campaign_id: UUID) -> GateView | None:
        """Return what may be said of the gate, None when it is lost or was never filled."""
        raise NotImplementedError

    async def read_counts(self, campaign_id: UUID) -> GateCounts:
        """Return what the gate has counted."""
        raise NotImplementedError


def check_policy(redis: "Redis | RedisCluster") -> str | None:
    """Return a warning when Redis may throw keys of the gate away to make room, else None."""
    raise NotImplementedError
