"""The gate's Redis Cluster: connected to when it is first asked, and given up on soon."""

import threading
from typing import Any, Final, cast

from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import ConnectionError, RedisClusterException
from redis.retry import Retry

# A failure makes the client ask for the map of the cluster, node by node, before it gives up:
# with three nodes that answer nothing, a member waits for this four times over.
NODE_SECONDS: Final = 0.25
# By itself it tries ten times. Once more, by a fresh map, is what a failover takes.
MORE_TRIES: Final = 1


class LateCluster:
    """What the gate uses of a cluster's client.

    The library's own connects as it is made, so that nothing could start while the cluster is away.
    """

    def __init__(self, url: str) -> None:
        """Connect to nobody yet."""
        self._url = url
        self._turn = threading.Lock()
        self._made: RedisCluster | None = None

    def execute_command(self, *words: Any, **more: Any) -> Any:
        """Say something to the node that it concerns; raises `RedisError` as the library does."""
        return self._cluster().execute_command(*words, **more)  # type: ignore[no-untyped-call] # the library says nothing

    def pipeline(self, **more: Any) -> Any:
        """Return what several commands may be said with, each to its node."""
        return self._cluster().pipeline(**more)  # type: ignore[no-untyped-call] # the library says nothing

    def ping(self) -> bool:
        """Say that every node answers; raises `RedisError` when one does not."""
        try:
            return bool(self._cluster().ping(target_nodes=RedisCluster.PRIMARIES))
        except RedisClusterException as exc:  # which is no `RedisError`
            raise ConnectionError("the cluster does not answer") from exc

    def info(self, section: str) -> dict[str, Any]:
        """Return what each primary tells of itself, by its name."""
        return self._cluster().info(section, target_nodes=RedisCluster.PRIMARIES)

    def close(self) -> None:
        """Let the connections go."""
        if self._made is not None:
            self._made.close()

    def _cluster(self) -> "RedisCluster":
        if self._made is None:
            with self._turn:
                if self._made is None:
                    self._made = RedisCluster.from_url(
                        self._url,
                        socket_timeout=NODE_SECONDS,
                        socket_connect_timeout=NODE_SECONDS,
                        retry=Retry(NoBackoff(), MORE_TRIES),
                    )
        return self._made


def connect_late(url: str) -> "RedisCluster":
    """Return a client of the cluster of which one node is at the URL; nobody is asked."""
    return cast("RedisCluster", LateCluster(url))
