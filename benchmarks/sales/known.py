"""How soon a lane refuses by itself what another lane has just sold the last unit of."""

import json
from collections.abc import Iterable
from datetime import datetime
from statistics import median
from time import perf_counter, sleep, time
from typing import Final
from uuid import UUID

from benchmarks.frame import Benchmark, Plan, load_average
from benchmarks.ground import MAIN_DATABASE, ground
from benchmarks.report import Figure, alone
from benchmarks.sales import servers
from benchmarks.sales.crowd import claim_request, claims_path, let_in, open_sale
from benchmarks.sales.open_loop import Shot, Volley
from benchmarks.sales.stage import SOLD_OUT, Stage

NAME: Final = "flash_sale.sold_out_known"
SALES: Final = 20
UNITS: Final = 4
ASK_EVERY_SECONDS: Final = 0.002
PATIENCE_SECONDS: Final = 10.0
# Who wants more than anybody may have is refused by the gate for that, sold out or not; only a lane
# that asks nobody says that nothing is left.
TOO_MANY: Final = b'{"quantity":2}'
NOTE: Final = (
    "milliseconds from the moment of the last unit's claim at one lane, as the database has it, to"
    " the first refusal at another lane which asked nobody; the latest of {sales} sales (median"
    " {middle:.1f}); the other lane is asked every {every:g} ms meanwhile; load average {load:.1f}"
)
_LAST: Final = "SELECT max(claimed_at) FROM claims WHERE campaign_id = %s"


def run(plan: Plan) -> Iterable[Figure]:
    """Sell out at one lane while another is asked."""
    load = load_average()
    with ground() as site:
        stage = Stage.build(site, site.ports(), servers.start_lane(site), members=10 * UNITS)
        other_url = servers.start_other_lane(site)
        _sell_out(stage, other_url)  # both have their connections, and their statements
        stage.analyze()
        late = [_sell_out(stage, other_url) for _ in range(plan.size(SALES, quick=2))]
    note = NOTE.format(
        sales=len(late), middle=median(late), every=ASK_EVERY_SECONDS * 1000, load=load
    )
    yield alone(NAME, [max(late)], unit="ms", note=note, below=100)


def _sell_out(stage: Stage, other_url: str) -> float:
    """Return how many milliseconds after the last claim the other lane knew of it."""
    sale = open_sale(stage.ports, stock=UNITS)
    *buyers, stranger = let_in(stage.ports, sale.id, stage.members[: UNITS + 1])
    path = claims_path(sale.id)
    here, there = (Volley(url, connections=1) for url in (stage.claims_url, other_url))
    asking = claim_request(other_url + path, stranger).replace(b'{"quantity":1}', TOO_MANY)
    _code(there, asking)  # from now on it looks
    for token in buyers:
        bought = here.fire([Shot(0, claim_request(stage.claims_url + path, token))], start=_now())
        if bought[0].status != 201:
            raise AssertionError(bought)
    until = _now() + PATIENCE_SECONDS
    while _code(there, asking) != SOLD_OUT:
        if _now() > until:
            raise TimeoutError("the other lane never knew")
        sleep(ASK_EVERY_SECONDS)
    known = time()
    here.close()
    there.close()
    return (known - _last_claim(stage, sale.id).timestamp()) * 1000


def _code(volley: Volley, request: bytes) -> str:
    (hit,) = volley.fire([Shot(0, request)], start=_now())
    return str(json.loads(hit.body)["code"])


def _now() -> float:
    return perf_counter()


def _last_claim(stage: Stage, campaign_id: UUID) -> datetime:
    with stage.site.postgres.connect(MAIN_DATABASE) as owner:
        row = owner.execute(_LAST, [campaign_id]).fetchone()
    if row is None or not isinstance(row[0], datetime):
        raise AssertionError("nobody has claimed")
    return row[0]


BENCHMARK: Final = Benchmark((NAME,), run)
