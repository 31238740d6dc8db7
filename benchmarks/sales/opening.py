"""How soon after its opening a campaign sells, asked again and again from before it until after."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median
from typing import Final
from uuid import UUID

from benchmarks.frame import Benchmark, Plan, load_average
from benchmarks.ground import MAIN_DATABASE, ground
from benchmarks.report import Figure, alone
from benchmarks.sales import servers
from benchmarks.sales.crowd import let_in, open_sale
from benchmarks.sales.open_loop import HOW
from benchmarks.sales.stage import Due, Stage

NAME: Final = "flash_sale.opening"
OPENINGS: Final = 20
UNITS: Final = 20
APART_SECONDS: Final = 0.7
FIRST_AFTER_SECONDS: Final = 6
AROUND_SECONDS: Final = 0.3
PER_SECOND: Final = 1_000
CONNECTIONS: Final = 64
NOTE: Final = (
    "milliseconds from starts_at to the first claim's moment, both by the database's clock, the"
    " latest of {openings} campaigns (median {middle:.1f}, soonest {soonest:.1f}, so that none is"
    " early); each is asked {per_second:,} times a second over {connections} connections, from"
    " {around:g} s before its opening until {around:g} s after it, the first of which is answered"
    " {answered:.0f} ms after it (median){how}"
)
_FIRST: Final = "SELECT min(claimed_at) FROM claims WHERE campaign_id = %s"


def run(plan: Plan) -> Iterable[Figure]:
    """Open campaign after campaign while everybody asks."""
    load = load_average()
    openings = plan.size(OPENINGS, quick=2)
    asked = int(2 * AROUND_SECONDS * PER_SECOND)
    with ground() as site:
        stage = Stage.build(site, site.ports(), servers.start_lane(site), members=asked)
        stage.sell_out(stock=UNITS)  # the lane has its connections, and its statements
        stage.analyze()
        late, answered = _open(stage, openings)
    if min(late) < 0:
        raise AssertionError(f"{-min(late)} ms early")
    note = NOTE.format(
        openings=openings,
        middle=median(late),
        soonest=min(late),
        per_second=PER_SECOND,
        connections=CONNECTIONS,
        around=AROUND_SECONDS,
        answered=median(answered),
        how=HOW.format(load=load),
    )
    yield alone(NAME, [max(late)], unit="ms", note=note, below=50)


def _open(stage: Stage, openings: int) -> tuple[list[float], list[float]]:
    """Return how many milliseconds late each first claim was made, and how late it was answered."""
    begin = stage.ports.clock() + timedelta(seconds=FIRST_AFTER_SECONDS)
    claims: list[Due] = []
    opened: list[tuple[UUID, datetime]] = []
    for number in range(openings):
        after = number * APART_SECONDS
        opens_at = begin + timedelta(seconds=after)
        sale = open_sale(stage.ports, stock=UNITS, opens_at=opens_at)
        opened.append((sale.id, opens_at))
        tokens = let_in(stage.ports, sale.id, stage.members)
        claims += [
            Due(after - AROUND_SECONDS + place / PER_SECOND, sale.id, token)
            for place, token in enumerate(tokens)
        ]
    hits = stage.fire(claims, connections=CONNECTIONS, opens_at=begin)
    late = [_milliseconds(_first(stage, sale_id) - at) for sale_id, at in opened]
    return late, [
        min(
            (one.due + hit.took - number * APART_SECONDS) * 1000
            for one, hit in zip(claims, hits, strict=True)
            if one.campaign_id == sale_id and hit.status == 201
        )
        for number, (sale_id, _) in enumerate(opened)
    ]


def _first(stage: Stage, campaign_id: UUID) -> datetime:
    with stage.site.postgres.connect(MAIN_DATABASE) as owner:
        row = owner.execute(_FIRST, [campaign_id]).fetchone()
    if row is None or not isinstance(row[0], datetime):
        raise AssertionError("nobody was let in")
    return row[0]


def _milliseconds(span: timedelta) -> float:
    return span / timedelta(milliseconds=1)


BENCHMARK: Final = Benchmark((NAME,), run)
