"""Clients of Redis that give up soon: for what only helps, for the gate, for an event loop."""

from typing import Final

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

from app.gate_cluster import MORE_TRIES, NODE_SECONDS, connect_late
from config.settings import Settings

REDIS_SECONDS: Final = 0.5  # Redis only helps; nobody waits long for it


def make_redis(settings: Settings) -> Redis:
    """Return a client that gives up soon and tries nothing twice."""
    return _redis_at(settings.redis_url)


def make_gate_redis(settings: Settings) -> "Redis | RedisCluster":
    """Return a client of the gate's Redis, which may be a cluster, that gives up as soon."""
    url = settings.gate_redis_url or settings.redis_url
    if settings.gate_is_cluster:
        return connect_late(url)
    return _redis_at(url)


def make_loop_redis(settings: Settings) -> "AsyncRedis | AsyncRedisCluster":
    """Return a client of the gate's Redis for an event loop, which gives up as soon."""
    url = settings.gate_redis_url or settings.redis_url
    if settings.gate_is_cluster:
        return AsyncRedisCluster.from_url(
            url,
            socket_timeout=NODE_SECONDS,
            socket_connect_timeout=NODE_SECONDS,
            retry=AsyncRetry(NoBackoff(), MORE_TRIES),
        )
    client: AsyncRedis = AsyncRedis.from_url(
        url,
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
        retry=AsyncRetry(NoBackoff(), 0),
    )
    return client


def _redis_at(url: str) -> Redis:
    client: Redis = Redis.from_url(
        url,
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
        retry=Retry(NoBackoff(), 0),  # else it tries ten times, while a member waits
    )
    return client
