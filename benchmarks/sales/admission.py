"""Admission alone: claims let through by the gate over HTTP, at the lane and behind Flask."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from benchmarks.frame import Benchmark, Plan, interleave, load_average
from benchmarks.ground import ground
from benchmarks.report import Figure, compared
from benchmarks.sales import servers, wrk
from benchmarks.sales.crowd import claims_path, open_sale
from benchmarks.sales.open_gates import plenty
from benchmarks.sales.stage import Stage
from flash_sale.gate import Gate
from flash_sale.gate_wire import Filling

NAME: Final = "flash_sale.admission"
MEMBERS: Final = 20_000
CONNECTIONS: Final = 64
SECONDS: Final = 4
NOTE: Final = (
    "claims/s let through by the gate, each with a purchase token and an Idempotency-Key of its"
    " own, at a lane of two workers with nothing but the group commit replaced by an instant answer"
    " (benchmarks/sales/gate_only.py); against: the same gate and token behind Flask, on gunicorn"
    " with two gevent workers (benchmarks/sales/behind_flask.py); the same Redis; wrk, one thread,"
    " {connections} connections in a closed loop for {seconds} s, shares the two cores; p99 by"
    " wrk's watch {ours:.0f} against {theirs:.0f} ms; load average {load:.1f}"
)


@dataclass
class Course:
    """Where both answer, and how long each has made the slowest wait."""

    stage: Stage
    urls: dict[str, str]
    seconds: int
    p99: dict[str, float]

    def ask(self, name: str) -> float:
        """Let everybody through the gate of a new campaign; return the claims per second."""
        ports = self.stage.ports
        sale = open_sale(ports, stock=1)
        now = ports.clock()
        if Gate(ports.gate_redis).fill(plenty(sale.id, now=now), now=now) is not Filling.FILLED:
            raise AssertionError("the gate is not filled")
        told = wrk.ask(
            self.urls[name] + claims_path(sale.id),
            self.stage.tokens_file(sale.id, self.stage.members),
            connections=CONNECTIONS,
            seconds=self.seconds,
        )
        if told.good != told.requests or told.lost:
            raise AssertionError(told)
        counts = Gate(ports.gate_redis).read_counts(sale.id)
        if (
            not told.good <= counts.units_admitted <= told.good + 2 * CONNECTIONS
        ):  # under way at the end
            raise AssertionError((told, counts))
        self.p99[name] = max(self.p99.get(name, 0), told.p99_ms)
        return told.per_second


def run(plan: Plan) -> Iterable[Figure]:
    """Ask both in turn."""
    load = load_average()
    with ground() as site:
        ports = site.ports()
        urls = {
            "lane": servers.start_gate_only(site),
            "flask": servers.start_behind_flask(site, ports),
        }
        stage = Stage.build(site, ports, urls["lane"], members=plan.size(MEMBERS, quick=2_000))
        course = Course(stage, urls, plan.size(SECONDS, quick=1), {})
        ways: dict[str, Callable[[], float]] = {name: partial(course.ask, name) for name in urls}
        for way in ways.values():
            way()
        measured = interleave(ways, rounds=plan.size(3, quick=1))
    note = NOTE.format(
        connections=CONNECTIONS,
        seconds=course.seconds,
        ours=course.p99["lane"],
        theirs=course.p99["flask"],
        load=load,
    )
    yield compared(
        NAME, measured["lane"], measured["flask"], unit="claims/s", note=note, at_least=8
    )


BENCHMARK: Final = Benchmark((NAME,), run)
