"""Taking seats: beside an ordinary order in one process, and over HTTP by crowds of members."""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import partial
from itertools import cycle
from time import perf_counter, sleep
from typing import Final
from uuid import UUID

from benchmarks.frame import Benchmark, Plan, interleave, load_average, rate
from benchmarks.ground import MAIN_DATABASE, Site, ground
from benchmarks.grouping import Client, all_at_once, open_campaign, quantile
from benchmarks.people import Person, make_stock, sign_in
from benchmarks.report import Figure, alone, compared
from benchmarks.shoppers import Wire
from group_buy.joining import Buyer, join_group, open_group
from shop.catalog.models import SaleChannel
from shop.orders.rules import LineWanted
from shop.orders.service import place_order
from shop.ports import Ports

COST: Final = "group_buy.join_cost"
TRIOS: Final = "group_buy.joins_of_trios"
TRIOS_P99: Final = "group_buy.joins_of_trios_p99"
PAID: Final = "group_buy.joins_of_trios_paid"
HOT: Final = "group_buy.joins_of_one_group"
HOT_P99: Final = "group_buy.joins_of_one_group_p99"
SEATS: Final = 3
PAYERS: Final = 201
HOT_SEATS: Final = 200
CLIENTS: Final = 64
WORKERS: Final = 2
MEMBERS: Final = 200
FORMED_WITHIN_SECONDS: Final = 120.0
COST_NOTE: Final = (
    "milliseconds to join a group of three, one after the other in one process, durable commits;"
    " against: to place an ordinary order of one line by the same members in the same process"
)
OVER_HTTP: Final = (
    "; {workers} web workers, worker, scheduler, durable PostgreSQL, Redis, the sandbox and the"
    " clients' threads share the cores; load average {load:.1f}"
)


def run(plan: Plan) -> Iterable[Figure]:
    """Measure the cost in one process first, then the crowds over HTTP."""
    with ground() as site:
        yield measure_cost(site, plan)
    load = load_average()
    with ground() as site:
        site.start_sandbox()
        site.start_web(WORKERS)
        site.start_beside()
        end = OVER_HTTP.format(workers=WORKERS, load=load)
        yield from _trios(site, plan, end)
        yield from _hot_group(site, plan, end)


def measure_cost(site: Site, plan: Plan) -> Figure:
    """Join groups and place ordinary orders in turn."""
    ports, app_id = site.ports(), site.settings().wechat.app_id
    times = plan.size(200, quick=10)
    joins = times * (plan.rounds + 1)
    people = [person.member_id for person in sign_in(ports, MEMBERS, app_id=app_id)]
    groups = _open_groups(ports, -(-joins // (SEATS - 1)), app_id=app_id)
    acts = {
        "join": _joining(ports, groups, cycle(people)),
        "order": _ordering(ports, make_stock(ports, joins).id, cycle(people)),
    }
    with site.postgres.connect(MAIN_DATABASE) as owner:
        owner.execute("ANALYZE")  # as autovacuum would have done in any shop that is not just new
    for act in acts.values():
        rate(act, times=max(times // 4, 1))  # prepared statements and compiled queries are there
    ways = {name: partial(_milliseconds, act, times) for name, act in acts.items()}
    measured = interleave(ways, rounds=plan.rounds)
    return compared(
        COST, measured["join"], measured["order"], unit="ms", note=COST_NOTE, at_most=1.5
    )


def _milliseconds(act: Callable[[], object], times: int) -> float:
    return 1000 / rate(act, times=times)


def _open_groups(ports: Ports, count: int, *, app_id: str) -> Iterator[UUID]:
    """Open groups, each by a member of its own, and return each as often as it has seats left."""
    campaign = open_campaign(ports, stock=count * SEATS, seats=SEATS)
    opened: list[UUID] = []
    for person in sign_in(ports, count, app_id=app_id):
        buyer = Buyer(member_id=person.member_id, sale_channel=SaleChannel.H5)
        with ports.begin() as session:
            joined = open_group(session, campaign.id, buyer, now=ports.clock())
        opened.append(joined.group.id)
    return iter([group for group in opened for _ in range(SEATS - 1)])


def _joining(ports: Ports, groups: Iterator[UUID], members: Iterator[UUID]) -> Callable[[], object]:
    def join() -> None:
        buyer = Buyer(member_id=next(members), sale_channel=SaleChannel.H5)
        with ports.begin() as session:
            join_group(session, next(groups), buyer, now=ports.clock())

    return join


def _ordering(ports: Ports, sku_id: UUID, members: Iterator[UUID]) -> Callable[[], object]:
    wanted = [LineWanted(sku_id, 1)]

    def place() -> None:
        with ports.begin() as session:
            place_order(
                session,
                member_id=next(members),
                sale_channel=SaleChannel.H5,
                wanted=wanted,
                pay_within=timedelta(minutes=15),
                now=ports.clock(),
            )

    return place


def _trios(site: Site, plan: Plan, end: str) -> Iterable[Figure]:
    """Let everybody join groups of three at once, pay at once, and wait until all are formed."""
    payers = plan.size(PAYERS, quick=12)
    per_second: list[float] = []
    slowest: list[float] = []
    paid: list[float] = []
    ports = site.ports()
    for _ in range(plan.size(3, quick=1)):
        campaign = open_campaign(ports, stock=payers, seats=SEATS)
        clients = _clients(site, ports, payers)
        openers, joiners = clients[: payers // SEATS], clients[payers // SEATS :]
        groups = [client.open(campaign.id) for client in openers]
        wanted = [groups[number % len(groups)] for number in range(len(joiners))]
        acts = [partial(client.join, group) for client, group in zip(joiners, wanted, strict=True)]
        per_second.append(len(acts) / all_at_once(acts, threads=len(acts)))
        slowest.append(quantile([one for each in joiners for one in each.took], 0.99) * 1000)
        started = perf_counter()
        all_at_once([client.pay for client in clients], threads=len(clients))
        _await_formed(clients[0], groups)
        paid.append(payers / (perf_counter() - started))
        for client in clients:
            client.close()
    first = f"{payers - payers // SEATS} members join {payers // SEATS} groups of three at once"
    yield alone(TRIOS, per_second, unit="joins/s", note=first + end)
    yield alone(TRIOS_P99, slowest, unit="ms", note=f"{first}, time to the answer{end}")
    yield alone(
        PAID,
        paid,
        unit="seats/s",
        note=f"{payers} members pay at once, from the first prepay until every group shows that it"
        f" is formed{end}",
    )


def _hot_group(site: Site, plan: Plan, end: str) -> Iterable[Figure]:
    """Let so many clients fill one group, each joining for one member after the other."""
    seats = plan.size(HOT_SEATS, quick=20)
    clients_at_once = min(CLIENTS, seats - 1)
    per_second: list[float] = []
    slowest: list[float] = []
    ports = site.ports()
    for _ in range(plan.size(3, quick=1)):
        campaign = open_campaign(ports, stock=seats, seats=seats)
        clients = _clients(site, ports, seats)
        group = clients[0].open(campaign.id)
        acts = [partial(client.join, group) for client in clients[1:]]
        per_second.append(len(acts) / all_at_once(acts, threads=clients_at_once))
        slowest.append(quantile([one for each in clients for one in each.took], 0.99) * 1000)
        for client in clients:
            client.close()
    note = f"{clients_at_once} clients fill one group of {seats} seats"
    yield alone(HOT, per_second, unit="joins/s", note=note + end)
    yield alone(HOT_P99, slowest, unit="ms", note=f"{note}, time to the answer{end}")


def _clients(site: Site, ports: Ports, count: int) -> list[Client]:
    people: list[Person] = sign_in(ports, count, app_id=site.settings().wechat.app_id)
    web, sandbox = site.places.web_url, site.places.sandbox_url
    return [Client(person, Wire(web), Wire(sandbox)) for person in people]


def _await_formed(watcher: Client, groups: list[str]) -> None:
    deadline = perf_counter() + FORMED_WITHIN_SECONDS
    left = list(groups)
    while left:
        if perf_counter() > deadline:
            raise AssertionError(f"{len(left)} groups did not form")
        left = [group for group in left if watcher.status_of(group) != "formed"]
        sleep(0.1)


BENCHMARK: Final = Benchmark((COST, TRIOS, TRIOS_P99, PAID, HOT, HOT_P99), run)
