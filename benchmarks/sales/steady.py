"""Claims of what is sold out at a steady pace, and members whose phones only stay connected."""

from collections.abc import Iterable
from statistics import median
from time import perf_counter
from typing import Final
from uuid import UUID

from benchmarks.frame import Benchmark, Plan, load_average
from benchmarks.ground import ground
from benchmarks.grouping import quantile
from benchmarks.process_tree import held_by
from benchmarks.report import Figure, alone
from benchmarks.sales import servers
from benchmarks.sales.crowd import claim_request, claims_path, let_in
from benchmarks.sales.open_loop import Shot, Volley
from benchmarks.sales.stage import Due, Stage
from benchmarks.sales.wrk import OPEN_LOOP

P99: Final = "flash_sale.refused_p99"
MEMORY: Final = "flash_sale.connection_memory"
MEMBERS: Final = 5_000
ROUNDS: Final = 3
CONNECTIONS: Final = 200
PER_SECOND: Final = 4_000
SECONDS: Final = 4
IDLE: Final = 5_000
AT_ONCE: Final = 200  # connections, while they are opened
KILOBYTES: Final = 1024
MEMORY_NOTE: Final = (
    "kilobytes by which the lane's RSS grows for each of {idle:,} connections that were answered"
    " once and stay open, from {before:.0f} to {after:.0f} MB; what the kernel keeps is not in it"
)


def run(plan: Plan) -> Iterable[Figure]:
    """Refuse claims first, then let connections wait."""
    with ground() as site:
        stage = Stage.build(
            site, site.ports(), servers.start_lane(site, proxies=1), members=MEMBERS
        )
        sold_out = stage.sell_out(stock=20)
        stage.analyze()
        yield _refused(stage, sold_out, plan)
        yield _memory(stage, sold_out, plan.size(IDLE, quick=200))


def _refused(stage: Stage, campaign_id: UUID, plan: Plan) -> Figure:
    load = load_average()
    count = plan.size(SECONDS, quick=1) * PER_SECOND
    slowest: list[float] = []
    middle: list[float] = []
    for _ in range(plan.size(ROUNDS, quick=1)):
        given = let_in(stage.ports, campaign_id, stage.members[100:])
        claims = [
            Due(number / PER_SECOND, campaign_id, given[number % len(given)])
            for number in range(count)
        ]
        hits = stage.fire_by_wrk(claims, connections=CONNECTIONS)
        if {hit.status for hit in hits} != {409}:
            raise AssertionError({hit.status for hit in hits})
        stage.check_sold_out(campaign_id)
        slowest.append(quantile([hit.took for hit in hits], 0.99) * 1000)
        middle.append(median(hit.took for hit in hits) * 1000)
    note = (
        f"p99 of {count:,} claims of what is sold out, {PER_SECOND:,} a second over {CONNECTIONS}"
        f" connections; median {median(middle):.1f} ms{OPEN_LOOP.format(load=load)}"
    )
    return alone(P99, slowest, unit="ms", note=note, below=20)


def _memory(stage: Stage, campaign_id: UUID, idle: int) -> Figure:
    """Open connections by the hundred, each with a claim that is answered, and let them be."""
    lane = stage.site.process_ids()["lane"]
    url = stage.claims_url + claims_path(campaign_id)
    given = let_in(stage.ports, campaign_id, stage.members[100:])
    before = sum(each.rss for each in held_by(lane))
    waiting: list[Volley] = []
    for start in range(0, idle, AT_ONCE):
        volley = Volley(stage.claims_url, connections=min(AT_ONCE, idle - start))
        shots = [Shot(0.0, claim_request(url, token)) for token in given[:AT_ONCE]]
        volley.fire(shots, start=perf_counter())
        waiting.append(volley)
    after = sum(each.rss for each in held_by(lane))
    for volley in waiting:
        volley.close()
    note = MEMORY_NOTE.format(idle=idle, before=before, after=after)
    return alone(MEMORY, [(after - before) * KILOBYTES / idle], unit="kB", note=note)


BENCHMARK: Final = Benchmark((P99, MEMORY), run)
