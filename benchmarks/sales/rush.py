"""A rush: ten times as many members as units come in the first second after the opening."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from statistics import median
from typing import Final

from benchmarks.frame import Benchmark, Plan, load_average
from benchmarks.ground import ground
from benchmarks.grouping import quantile
from benchmarks.report import Figure, alone
from benchmarks.sales import servers
from benchmarks.sales.crowd import let_in, open_sale
from benchmarks.sales.open_loop import Hit
from benchmarks.sales.stage import Due, Stage
from benchmarks.sales.wrk import OPEN_LOOP

NAME: Final = "flash_sale.rush"
ROUNDS: Final = 3
MEMBERS: Final = 5_000
UNITS: Final = 500
OPENS_IN_SECONDS: Final = 8
ARRIVE_WITHIN: Final = 1.0
# No sooner: to the millisecond the gate does not open, see flash_sale.opening.
ARRIVE_FROM: Final = 0.05
NOTE: Final = (
    "p99 of {members:,} members who claim one of {units} units at random moments of the first"
    " {within:g} s, each over a connection of their own; all are answered, and {units} units are"
    " sold in each of {rounds} rounds; median {middle:.1f} ms, p99 of the winners {winners:.0f} ms,"
    " p99 of the worst round {worst:.0f} ms{how}"
)


def run(plan: Plan) -> Iterable[Figure]:
    """Let them come, to a campaign of its own in each round."""
    load = load_average()
    members, units = plan.size(MEMBERS, quick=300), plan.size(UNITS, quick=30)
    with ground() as site:
        stage = Stage.build(
            site, site.ports(), servers.start_lane(site, proxies=1), members=members
        )
        _rush(stage, units, plan)  # the lane has its connections and has prepared its statements
        stage.analyze()
        rounds = [_rush(stage, units, plan) for _ in range(plan.size(ROUNDS, quick=1))]
    slowest = [_p99(hits) for hits in rounds]
    note = NOTE.format(
        members=members,
        units=units,
        within=ARRIVE_WITHIN,
        rounds=len(rounds),
        middle=median(median(hit.took for hit in hits) * 1000 for hits in rounds),
        winners=median(_p99([hit for hit in hits if hit.status == 201]) for hits in rounds),
        worst=max(slowest),
        how=OPEN_LOOP.format(load=load),
    )
    yield alone(NAME, slowest, unit="ms", note=note, below=150)


def _rush(stage: Stage, units: int, plan: Plan) -> list[Hit]:
    """Return everybody's answer; `AssertionError` unless just so many units are sold."""
    opens_at = stage.ports.clock() + timedelta(seconds=plan.size(OPENS_IN_SECONDS, quick=2))
    sale = open_sale(stage.ports, stock=units, opens_at=opens_at)
    dice = random.Random(7)
    dues = sorted(ARRIVE_FROM + dice.random() * ARRIVE_WITHIN for _ in stage.members)
    tokens = let_in(stage.ports, sale.id, stage.members)
    claims = [Due(due, sale.id, token) for due, token in zip(dues, tokens, strict=True)]
    hits = stage.fire_by_wrk(claims, connections=len(claims), opens_at=opens_at)
    told = Counter(hit.status for hit in hits)
    sold = stage.count_sold(sale.id)
    if told != {201: units, 409: len(hits) - units} or sold != units:
        raise AssertionError((told, sold))
    return hits


def _p99(hits: Sequence[Hit]) -> float:
    return quantile([hit.took for hit in hits], 0.99) * 1000


BENCHMARK: Final = Benchmark((NAME,), run)
