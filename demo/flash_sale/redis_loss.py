"""Losing Redis: our own crashes and comes back empty; a given one has our part of it emptied."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import RedisError
from redis.retry import Retry

from demo.sale_record import Loss

AWAY_MILLISECONDS: Final = 800
LONGEST_SECONDS: Final = 15.0
PAUSE_SECONDS: Final = 0.02
PATIENCE_SECONDS: Final = 5.0


def lose_redis(settings: Mapping[str, str]) -> list[Loss]:
    """Lose everything that the shop has in Redis, also in a Redis of the gate's own."""
    is_cluster = settings.get("GATE_IS_CLUSTER", "").lower() in ("1", "true", "yes")
    losses = [_lose(settings["REDIS_URL"], is_cluster=False)]
    if settings.get("GATE_REDIS_URL"):
        losses.append(_lose(settings["GATE_REDIS_URL"], is_cluster=is_cluster))
    return losses


def _lose(url: str, *, is_cluster: bool) -> Loss:
    if is_cluster:
        return _empty_cluster(url)
    # Said once: a second crash would be one too many.
    once = Retry(NoBackoff(), 0)
    client = Redis.from_url(url, socket_timeout=PATIENCE_SECONDS, retry=once)
    try:
        # A socket on this machine is that of the Redis that was started with the run.
        if url.startswith("unix:"):
            lost = _crash(client)
            if lost is not None:
                return lost
        at = datetime.now(UTC)
        client.flushdb()
        return Loss("FLUSHDB", at, datetime.now(UTC))
    finally:
        client.close()


def _crash(client: Redis) -> Loss | None:
    """Have the server vanish without saving, and start anew; None when it does not do that.

    It stays the same process, so whoever watches over it sees no end. Its run id tells that it
    began again.
    """
    run, at = _run_of(client), datetime.now(UTC)
    say: Callable[..., Any] = client.execute_command
    with suppress(RedisError):  # it hangs up when it obeys, and says no when it does not
        say("DEBUG", "CRASH-AND-RECOVER", str(AWAY_MILLISECONDS))
    until = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < until:
        with suppress(RedisError):
            if _run_of(client) == run:
                return None
            return Loss("crash", at, datetime.now(UTC))
        time.sleep(PAUSE_SECONDS)
    raise TimeoutError("Redis did not come back")


def _run_of(client: Redis) -> str:
    info: Any = client.info("server")
    return str(info["run_id"])


def _empty_cluster(url: str) -> Loss:
    client = RedisCluster.from_url(url, socket_timeout=PATIENCE_SECONDS)
    try:
        at = datetime.now(UTC)
        client.flushdb(target_nodes=RedisCluster.PRIMARIES)
        return Loss("FLUSHDB", at, datetime.now(UTC))
    finally:
        client.close()
