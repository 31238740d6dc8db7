"""Whole purchases over HTTP: place, prepay, notice, delivery; with RSA and without."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Final
from uuid import UUID

from benchmarks import profiles
from benchmarks.frame import RESULTS, Benchmark, Plan, interleave
from benchmarks.ground import Site, ground
from benchmarks.people import Person, make_stock, sign_in
from benchmarks.process_tree import computed_by, seconds_of, tree
from benchmarks.report import Figure, compared
from benchmarks.shoppers import Bought, let_buy

NAME: Final = "spine.purchase"
WORKERS: Final = 2
SHOPPERS: Final = 8
SECONDS: Final = 10
STOCK: Final = 20_000
SMALLEST_SHARE: Final = 0.05
NOTE: Final = (
    "purchases per second (place, prepay, pay, notice, delivery seen) by {shoppers} clients in a"
    " closed loop over HTTP; {workers} web workers, worker, scheduler, PostgreSQL, Redis, the"
    " sandbox and the clients share the cores; one purchase takes {ms:.0f} ms (median), in which"
    " the client looks {looks:.1f} times; processor time of one: {shares}; against: the same with"
    " RSA replaced by constants on both sides: {ms_without:.0f} ms, processor time {without}"
)


@dataclass
class Crowd:
    """Shoppers who buy at one web of a site, and what came of it."""

    site: Site
    url: str
    people: list[Person]
    sku_id: UUID
    seconds: int
    with_rsa: bool
    bought: list[Bought] = field(default_factory=list)
    milliseconds: dict[str, list[float]] = field(default_factory=dict)

    def buy(self) -> float:
        """Let them buy for a while and return the purchases per second."""
        self.site.tell_sandbox("settings", require_rsa=self.with_rsa)
        before = self._computed()
        bought = let_buy(
            self.people,
            web_url=self.url,
            sandbox_url=self.site.places.sandbox_url,
            sku_id=self.sku_id,
            seconds=self.seconds,
        )
        for name, seconds in self._computed().items():
            spent = (seconds - before[name]) / bought.purchases * 1000
            self.milliseconds.setdefault(name, []).append(spent)
        self.bought.append(bought)
        return bought.per_second

    def forget(self) -> None:
        """Forget what was bought to warm up."""
        self.bought.clear()
        self.milliseconds.clear()

    def shares(self) -> str:
        """Return the processor time of one purchase by process."""
        shares = {name: median(each) for name, each in self.milliseconds.items()}
        parts = [f"{name} {share:.1f}" for name, share in shares.items() if share >= SMALLEST_SHARE]
        return f"{sum(shares.values()):.1f} ms ({', '.join(parts)})"

    def _computed(self) -> dict[str, float]:
        pids = self.site.process_ids()
        return {name: computed_by(pid) for name, pid in pids.items()} | {
            "clients": seconds_of(os.getpid())
        }


def run(plan: Plan) -> Iterable[Figure]:
    """Let the same people buy at the product's web and at one without RSA, in turn."""
    with ground() as site:
        site.start_sandbox()
        site.start_web(WORKERS)
        without_url = site.start_web_without_rsa(WORKERS)
        site.start_beside()
        ports = site.ports()
        people = sign_in(ports, SHOPPERS, app_id=site.settings().wechat.app_id)
        sku = make_stock(ports, plan.size(STOCK, quick=1_000))
        seconds = plan.size(SECONDS, quick=1)
        crowds = {
            "with": Crowd(site, site.places.web_url, people, sku.id, seconds, with_rsa=True),
            "without": Crowd(site, without_url, people, sku.id, seconds, with_rsa=False),
        }
        for crowd in crowds.values():
            crowd.buy()
            crowd.forget()
        ways = {name: crowd.buy for name, crowd in crowds.items()}
        measured = interleave(ways, rounds=plan.rounds)
        told, without = crowds["with"], crowds["without"]
        note = NOTE.format(
            shoppers=SHOPPERS,
            workers=WORKERS,
            ms=median(each.median_seconds for each in told.bought) * 1000,
            looks=median(each.looks_per_purchase for each in told.bought),
            shares=told.shares(),
            without=without.shares(),
            ms_without=median(each.median_seconds for each in without.bought) * 1000,
        )
        if plan.with_profile:
            _profile(site, told.buy, seconds)
    yield compared(NAME, measured["with"], measured["without"], unit="purchases/s", note=note)


def _profile(site: Site, buy: Callable[[], object], seconds: float) -> None:
    """Sample one web worker while the crowd buys once more."""
    worker = list(tree(site.process_ids()["web"]))[-1]
    raw_file = site.folder / "profile.raw"
    sampling = profiles.start(worker, seconds=seconds, raw_file=raw_file)
    buy()
    sampling.wait(seconds + 30)
    report = RESULTS / f"{NAME}.profile.txt"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(profiles.summary(raw_file), encoding="utf-8")
    print(f"  the profile of a web worker is in {report}")


BENCHMARK: Final = Benchmark((NAME,), run)
