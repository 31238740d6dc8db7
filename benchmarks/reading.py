"""Reading orders, with a thousand of them in the shop and with a million."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Final
from uuid import UUID

from sqlalchemy import select

from app.factory import create_app
from app.wiring import web_options
from benchmarks.door import Door, Prepared, prepare
from benchmarks.frame import Benchmark, Plan, interleave
from benchmarks.ground import Site, ground
from benchmarks.people import Person, make_stock, sign_in
from benchmarks.report import Figure, compared
from benchmarks.seeding import seed_orders
from shop.orders.models import Order
from shop.ports import Ports

LIST: Final = "spine.order_list"
DETAIL: Final = "spine.order_detail"
FEW: Final = 1_000
MANY: Final = 1_000_000
READERS: Final = 20
NOTE: Final = (
    "milliseconds for {what} with {many:,} orders in the shop, the application called in process,"
    " median of {times} by {readers} members of 40 orders each; against: with {few:,} orders"
)


@dataclass
class Shop:
    """The application over one database, and what its members ask, by the figure's name."""

    door: Door
    requests: dict[str, list[Prepared]]


def run(plan: Plan) -> Iterable[Figure]:
    """Read from two databases that differ in nothing but how much is in them."""
    many, times = plan.size(MANY, quick=2_000), plan.size(300, quick=10)
    with ground() as site:
        shops = {"few": _open(site, "few", FEW), "many": _open(site, "many", many)}
        for name, what in ((LIST, "a page of 20"), (DETAIL, "one order")):
            ways = {size: _asking(shop, name, times) for size, shop in shops.items()}
            for way in ways.values():
                way()
            measured = interleave(ways, rounds=plan.rounds)
            note = NOTE.format(what=what, many=many, few=FEW, times=times, readers=READERS)
            yield compared(
                name, measured["many"], measured["few"], unit="ms", note=note, at_most=1.2
            )


def _open(site: Site, name: str, orders: int) -> Shop:
    """Fill a new database, and prepare what its first members will ask."""
    ports = site.ports(database_url=site.new_database(name))
    people = sign_in(ports, READERS, app_id=site.settings().wechat.app_id)
    make_stock(ports, 0)
    started = perf_counter()
    with site.postgres.connect(name) as owner:
        seed_orders(owner, orders)
    print(f"  {orders:,} orders written in {perf_counter() - started:.1f} s")
    requests: dict[str, list[Prepared]] = {LIST: [], DETAIL: []}
    for person in people:
        requests[LIST].append(_get(person, "/v1/orders?limit=20"))
        requests[DETAIL] += [_get(person, f"/v1/orders/{order}") for order in _own(ports, person)]
    return Shop(Door(create_app(ports, web_options(site.settings()))), requests)


def _own(ports: Ports, person: Person) -> Sequence[UUID]:
    with ports.begin() as session:
        return session.scalars(select(Order.id).where(Order.member_id == person.member_id)).all()


def _asking(shop: Shop, name: str, times: int) -> Callable[[], float]:
    dice = random.Random(7)

    def ask() -> float:
        took = [
            shop.door.seconds(dice.choice(shop.requests[name]), status=200) for _ in range(times)
        ]
        return median(took) * 1000

    return ask


def _get(person: Person, path: str) -> Prepared:
    return prepare("GET", path, token=person.token)


BENCHMARK: Final = Benchmark((LIST, DETAIL), run)
