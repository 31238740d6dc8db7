"""Claims per second over HTTP, refused and won, beside an afternoon's work and a bare server."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final
from uuid import UUID

from benchmarks.frame import Benchmark, Plan, interleave, load_average
from benchmarks.ground import ground
from benchmarks.report import Figure, alone, compared
from benchmarks.sales import afternoon, servers
from benchmarks.sales.crowd import claims_path, open_sale
from benchmarks.sales.stage import Meter, Stage

BASELINE: Final = "flash_sale.baseline"
REFUSED: Final = "flash_sale.refused"
OF_HELLO: Final = "flash_sale.refused_of_hello"
REFUSED_BUSY: Final = "flash_sale.refused_p99_busy"
WINNERS: Final = "flash_sale.winners"
CPU_REFUSED: Final = "flash_sale.cpu_refused"
CPU_WINNER: Final = "flash_sale.cpu_winner"
CONNECTIONS: Final = 64
CROWD: Final = 200
MEMBERS: Final = 20_000
SECONDS: Final = 4
METERED: Final = ("lane", "Redis", "PostgreSQL")
HOW: Final = (
    "; wrk, one thread, {connections} connections in a closed loop for {seconds} s, shares the two"
    " cores with what it asks; load average {load:.1f}"
)
LANE: Final = "at a lane of two workers, each with a token and an Idempotency-Key of its own"


@dataclass
class Course:
    """The ways, each measured by one call that returns answers per second."""

    stage: Stage
    seconds: int
    stock: int
    urls: dict[str, str] = field(default_factory=dict)
    tokens: Path = Path()
    sold_out: UUID | None = None
    p99: list[float] = field(default_factory=list)
    refused: Meter = field(init=False)
    won: Meter = field(init=False)
    ordered: Meter = field(init=False)
    greeted: Meter = field(init=False)

    def __post_init__(self) -> None:
        """Sell a campaign out, and start what is compared."""
        site = self.stage.site
        self.refused, self.won = Meter(site, METERED), Meter(site, METERED)
        self.ordered = Meter(site, ("afternoon", "PostgreSQL"))
        self.greeted = Meter(site, ("hello",))
        self.sold_out = self.stage.sell_out(stock=20)
        self.tokens = self.stage.tokens_file(self.sold_out, self.stage.members[1000:])
        self.urls = {
            "baseline": servers.start_afternoon(site),
            "hello": servers.start_hello(site) + claims_path(self.sold_out),
            "refused": self.stage.claims_url + claims_path(self.sold_out),
        }

    def ask_baseline(self) -> float:
        """Let the afternoon's work sell."""
        before = servers.count_afternoon(self.stage.site)
        told = self.ordered.ask(
            self.urls["baseline"], self.tokens, connections=CONNECTIONS, seconds=self.seconds
        )
        sold = servers.count_afternoon(self.stage.site) - before
        # wrk stops in the middle: a connection has a claim under way, and may have sent the next.
        if told.good != told.requests or not told.good <= sold <= told.good + 2 * CONNECTIONS:
            raise AssertionError((told, sold))
        return told.per_second

    def ask_hello(self, connections: int) -> float:
        """Let the bare server say hello."""
        told = self.greeted.ask(
            self.urls["hello"], self.tokens, connections=connections, seconds=self.seconds
        )
        return told.per_second

    def ask_refused(self, connections: int) -> float:
        """Ask for what is sold out."""
        told = self.refused.ask(
            self.urls["refused"], self.tokens, connections=connections, seconds=self.seconds
        )
        if told.good:
            raise AssertionError(told)
        if connections == CROWD:
            self.p99.append(told.p99_ms)
        if self.sold_out is not None:
            self.stage.check_sold_out(self.sold_out)
        return told.per_second

    def ask_winners(self) -> float:
        """Let everybody win in a campaign of their own, and believe the database alone."""
        sale = open_sale(self.stage.ports, stock=self.stock)
        tokens = self.stage.tokens_file(sale.id, self.stage.members[: self.stock])
        self.stage.analyze()
        told = self.won.ask(
            self.stage.claims_url + claims_path(sale.id),
            tokens,
            connections=CROWD,
            seconds=self.seconds,
        )
        sold = self.stage.count_sold(sale.id)
        if told.good != told.requests or not told.good <= sold <= told.good + 2 * CROWD:
            raise AssertionError((told, sold))
        return told.per_second


def run(plan: Plan) -> Iterable[Figure]:
    """Measure all ways in each round."""
    load = load_average()
    with ground() as site:
        stage = Stage.build(site, site.ports(), servers.start_lane(site), members=MEMBERS)
        course = Course(stage, plan.size(SECONDS, quick=1), plan.size(MEMBERS, quick=4_000))
        ways: dict[str, Callable[[], float]] = {
            "baseline": course.ask_baseline,
            "hello": partial(course.ask_hello, CONNECTIONS),
            "refused": partial(course.ask_refused, CONNECTIONS),
            "refused by many": partial(course.ask_refused, CROWD),
            "winners": course.ask_winners,
        }
        for name in ("refused", "winners"):
            ways[name]()
        course.refused.spent.clear()
        course.won.spent.clear()
        measured = interleave(ways, rounds=plan.size(3, quick=1))
    yield from _figures(course, measured, load)


def _figures(course: Course, measured: dict[str, list[float]], load: float) -> Iterator[Figure]:
    few = HOW.format(connections=CONNECTIONS, seconds=course.seconds, load=load)
    many = HOW.format(connections=CROWD, seconds=course.seconds, load=load)
    yield alone(
        BASELINE,
        measured["baseline"],
        unit="orders/s",
        note="an afternoon's work, benchmarks/sales/afternoon.py: Flask, SQLAlchemy, SELECT … FOR"
        " UPDATE, an order and one unit less a request, durable, on gunicorn with two workers of"
        f" {afternoon.THREADS} threads{few}",
    )
    refused, winners = measured["refused"], measured["winners"]
    yield compared(
        REFUSED,
        refused,
        measured["baseline"],
        unit="claims/s",
        note=f"claims of what is sold out, {LANE}; against: {BASELINE} in the same rounds{few}",
        at_least=80,
    )
    yield compared(
        OF_HELLO,
        refused,
        measured["hello"],
        unit="claims/s",
        note="the same; against: a bare WSGI application that says hello, on Granian with two"
        f" workers, asked by the same requests{few}",
        at_least=0.4,
    )
    yield alone(
        REFUSED_BUSY,
        course.p99,
        unit="ms",
        note=f"p99 of the same by wrk's own watch, as many as the lane can answer:"
        f" {median(measured['refused by many']):,.0f} claims/s{many}",
        below=20,
    )
    yield compared(
        WINNERS,
        winners,
        measured["baseline"],
        unit="claims/s",
        note="claims that win, each of another member, answered when order, line, claim and"
        f" reserved card are durable, {LANE}; counted again in the database; against: {BASELINE},"
        f" which is asked over {CONNECTIONS} connections{many}",
        at_least=15,
    )
    yield _cost(CPU_REFUSED, course.refused, "refused claim", "hello", course.greeted, few)
    yield _cost(CPU_WINNER, course.won, "winner", "order of the baseline", course.ordered, many)


def _cost(name: str, meter: Meter, what: str, beside: str, other: Meter, how: str) -> Figure:
    """Return what an answer costs; a machine that others use as well changes this the least."""
    return alone(
        name,
        [sum(spent.values()) for spent in meter.spent],
        unit="µs",
        note=f"processor time of one {what}, without the load generator: {meter.shares()}; of one"
        f" {beside}: {other.shares()}{how}",
    )


BENCHMARK: Final = Benchmark(
    (BASELINE, REFUSED, OF_HELLO, REFUSED_BUSY, WINNERS, CPU_REFUSED, CPU_WINNER), run
)
