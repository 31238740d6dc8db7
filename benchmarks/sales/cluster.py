"""One campaign's gate on a Redis Cluster of three, beside the same gate on a single Redis."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter, sleep
from typing import Any, Final
from uuid import uuid4

import uvloop
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.exceptions import RedisError

from app.machine import programs
from app.machine.children import spawn
from app.machine.redis_cluster import NODES, EmbeddedCluster
from benchmarks.frame import Benchmark, Plan, interleave, load_average
from benchmarks.ground import WAIT_SECONDS, free_port
from benchmarks.report import Figure, compared
from benchmarks.sales.open_gates import claims, plenty, take
from flash_sale.gate import AsyncGate
from flash_sale.gate_wire import Filling, Verdict
from flash_sale.lane.asking import MOST_AT_ONCE, MOST_UNDER_WAY
from kit.clock import utc_now

NAME: Final = "flash_sale.cluster"
SHARDS: Final = 6
# What a lane puts to the gate while more wait than it can answer.
BATCH: Final = MOST_AT_ONCE
IN_FLIGHT: Final = MOST_UNDER_WAY
HOST: Final = "127.0.0.1"
NOTE: Final = (
    "claims/s let through by the gate of one campaign in {shards} shards on a Redis Cluster of"
    " {nodes} masters, by one event loop with {in_flight} batches of {batch} under way; against:"
    " the same gate in one shard on a single Redis; all on loopback, client and servers share the"
    " cores; load average {load:.1f}"
)

Client = AsyncRedis | AsyncRedisCluster


def run(plan: Plan) -> Iterable[Figure]:
    """Let the same client ask both in turn."""
    batches = plan.size(200, quick=4)
    load = load_average()
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="tuanka-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        cluster = EmbeddedCluster(folder / "cluster")
        stack.callback(cluster.stop)
        cluster.start()
        single = stack.enter_context(single_redis(folder))
        ways = {
            "cluster": partial(_measure, partial(_ask_cluster, cluster.url), SHARDS, batches),
            "single": partial(_measure, partial(_ask_single, single), 1, batches),
        }
        for way in ways.values():
            way()
        measured = interleave(ways, rounds=plan.size(3, quick=1))
    note = NOTE.format(shards=SHARDS, nodes=NODES, in_flight=IN_FLIGHT, batch=BATCH, load=load)
    yield compared(
        NAME,
        measured["cluster"],
        measured["single"],
        unit="claims/s",
        note=note,
        at_least=0.8,
    )


@contextmanager
def single_redis(folder: Path) -> Iterator[str]:
    """Yield the URL of a Redis that listens on loopback, as the cluster's do."""
    port = free_port()
    child = spawn(
        "Redis",
        [
            programs.redis_program(),
            *("--port", str(port), "--bind", HOST, "--dir", folder, "--daemonize", "no"),
            *("--appendonly", "no", "--save", "", "--maxmemory-policy", "noeviction"),
        ],
        log_file=folder / "single.log",
        environment={"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC"},
        directory=folder,
    )
    try:
        _wait(port)
        yield f"redis://{HOST}:{port}"
    finally:
        child.end(within_seconds=2)


def _wait(port: int) -> None:
    deadline = perf_counter() + WAIT_SECONDS
    with Redis(host=HOST, port=port) as client:
        while True:
            try:
                client.ping()
            except RedisError:
                if perf_counter() > deadline:
                    raise
                sleep(0.02)
            else:
                return


def _measure(
    ask: Callable[[int, int], Coroutine[Any, Any, float]], shards: int, batches: int
) -> float:
    return uvloop.run(ask(shards, batches))


async def _ask_single(url: str, shards: int, batches: int) -> float:
    async with AsyncRedis.from_url(url) as client:
        await client.flushall()
        return await _admit(client, shards, batches)


async def _ask_cluster(url: str, shards: int, batches: int) -> float:
    async with AsyncRedisCluster.from_url(url) as client:
        await client.flushall(target_nodes=AsyncRedisCluster.PRIMARIES)
        return await _admit(client, shards, batches)


async def _admit(client: Client, shards: int, batches: int) -> float:
    """Fill a new gate, let everybody through, and return the claims per second."""
    gate, campaign_id = AsyncGate(client), uuid4()
    filled = await gate.fill(plenty(campaign_id, shards=shards, now=utc_now()), now=utc_now())
    if filled is not Filling.FILLED:
        raise AssertionError(filled)
    source = claims()
    left = [take(source, BATCH) for _ in range(batches)]

    async def ask() -> None:
        while left:
            verdicts = await gate.admit(campaign_id, left.pop())
            if set(verdicts) != {Verdict.ADMITTED}:
                raise AssertionError(set(verdicts))

    started = perf_counter()
    await asyncio.gather(*(ask() for _ in range(IN_FLIGHT)))
    return batches * BATCH / (perf_counter() - started)


BENCHMARK: Final = Benchmark((NAME,), run)
