"""Whether payments are slowed by a storm of claims at the lane: both at once, and in turn."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final
from uuid import UUID

from benchmarks.frame import Benchmark, Plan, interleave, load_average
from benchmarks.ground import ground
from benchmarks.people import Person, make_stock, sign_in
from benchmarks.report import Figure, compared
from benchmarks.sales import servers, wrk
from benchmarks.sales.crowd import claims_path
from benchmarks.sales.stage import Stage
from benchmarks.sales.wrk import Answered
from benchmarks.shoppers import Bought, let_buy

NAME: Final = "flash_sale.overload"
MEMBERS: Final = 2_000
SHOPPERS: Final = 2
CONNECTIONS: Final = 64
WEB_WORKERS: Final = 2
SECONDS: Final = 6
STOCK: Final = 10_000
NOTE: Final = (
    "milliseconds of one purchase (place, prepay, pay, notice, delivery seen), the median of"
    " {shoppers} shoppers at the web while the lane is asked for what is sold out as often as it"
    " can answer, {storm:,.0f} claims/s in a closed loop of {connections} connections, {refused:,}"
    " answered and none lost; against: the same without the storm, in the same rounds; all of it,"
    " wrk too, shares the machine's cores, so a part of it is theirs; load average {load:.1f}"
)


@dataclass
class Evening:
    """Shoppers at the web, a storm at the lane, and what came of both."""

    stage: Stage
    people: list[Person]
    sku_id: UUID
    sold_out: UUID
    tokens: Path
    seconds: int
    storms: list[Answered] = field(default_factory=list)

    def buy(self) -> float:
        """Let them buy for a while; return the milliseconds of the median purchase."""
        places = self.stage.site.places
        bought: Bought = let_buy(
            self.people,
            web_url=places.web_url,
            sandbox_url=places.sandbox_url,
            sku_id=self.sku_id,
            seconds=self.seconds,
        )
        return bought.median_seconds * 1000

    def buy_in_a_storm(self) -> float:
        """Do the same while thousands claim."""
        storm = threading.Thread(target=self._storm)
        storm.start()
        try:
            return self.buy()
        finally:
            storm.join()

    def _storm(self) -> None:
        url = self.stage.claims_url + claims_path(self.sold_out)
        self.storms.append(wrk.ask(url, self.tokens, connections=CONNECTIONS, seconds=self.seconds))


def run(plan: Plan) -> Iterable[Figure]:
    """Buy with and without a storm, in turn."""
    load = load_average()
    with ground() as site:
        site.start_sandbox()
        site.start_web(WEB_WORKERS)
        site.start_beside()
        ports = site.ports()
        stage = Stage.build(site, ports, servers.start_lane(site), members=MEMBERS)
        sold_out = stage.sell_out(stock=20)
        evening = Evening(
            stage,
            sign_in(ports, SHOPPERS, app_id=site.settings().wechat.app_id),
            make_stock(ports, plan.size(STOCK, quick=500)).id,
            sold_out,
            stage.tokens_file(sold_out, stage.members[100:]),
            plan.size(SECONDS, quick=1),
        )
        stage.analyze()
        evening.buy()
        ways = {"storm": evening.buy_in_a_storm, "calm": evening.buy}
        measured = interleave(ways, rounds=plan.size(3, quick=1))
    storms = evening.storms
    if len(storms) != len(measured["storm"]) or any(each.lost or each.good for each in storms):
        raise AssertionError(storms)
    note = NOTE.format(
        shoppers=SHOPPERS,
        connections=CONNECTIONS,
        storm=median(each.per_second for each in storms),
        refused=sum(each.requests for each in storms),
        load=load,
    )
    yield compared(NAME, measured["storm"], measured["calm"], unit="ms", note=note)


BENCHMARK: Final = Benchmark((NAME,), run)
