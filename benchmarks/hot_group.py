"""Reading one hot group over HTTP, beside a Flask route that returns a constant of its size."""

from collections.abc import Iterable
from functools import partial
from typing import Final
from uuid import UUID

from app.factory import create_app
from app.wiring import web_options
from benchmarks import beside_constant
from benchmarks.frame import Benchmark, Plan, interleave, load_average
from benchmarks.ground import Site, ground
from benchmarks.grouping import open_campaign
from benchmarks.hammering import CONNECTIONS, IN_A_ROW, requests_per_second
from benchmarks.people import sign_in
from benchmarks.report import Figure, compared
from group_buy.joining import Buyer, join_group, open_group
from shop.catalog.models import SaleChannel
from shop.ports import Ports

NAME: Final = "group_buy.read_hot_group"
WORKERS: Final = 2
SEATS: Final = 10
TAKEN: Final = 6
NOTE: Final = (
    "requests/s for GET /v1/groups/… of a group with {taken} of {seats} seats taken, {bytes} bytes,"
    " {connections} connections with {in_a_row} requests in a row; nearly all are answered before"
    " Flask by app/hot_groups.py, which neither counts addresses nor logs;"
    " against: a bare Flask route that returns a constant of the same size,"
    " Flask('constant') of benchmarks/beside_constant.py in the same Granian workers ({workers}),"
    " in turn; load average {load:.1f}"
)


def run(plan: Plan) -> Iterable[Figure]:
    """Read both in turn from one server."""
    requests = plan.size(4_000, quick=320)
    load = load_average()
    with ground() as site:
        ports = site.ports()
        group_id = _hot_group(ports, app_id=site.settings().wechat.app_id)
        path = f"/v1/groups/{group_id}"
        size = _size_of(site, ports, path)
        url = site.start_web_beside_constant(WORKERS, size)
        ways = {
            name: partial(requests_per_second, url, where, requests)
            for name, where in (("group", path), ("constant", beside_constant.PATH))
        }
        for way in ways.values():
            way()
        measured = interleave(ways, rounds=plan.rounds)
    note = NOTE.format(
        taken=TAKEN,
        seats=SEATS,
        bytes=size,
        connections=CONNECTIONS,
        in_a_row=IN_A_ROW,
        workers=WORKERS,
        load=load,
    )
    yield compared(
        NAME,
        measured["group"],
        measured["constant"],
        unit="requests/s",
        note=note,
        at_least=0.6,
    )


def _hot_group(ports: Ports, *, app_id: str) -> UUID:
    campaign = open_campaign(ports, stock=SEATS, seats=SEATS)
    first, *others = (
        Buyer(member_id=person.member_id, sale_channel=SaleChannel.H5)
        for person in sign_in(ports, TAKEN, app_id=app_id)
    )
    with ports.begin() as session:
        group_id = open_group(session, campaign.id, first, now=ports.clock()).group.id
    for buyer in others:
        with ports.begin() as session:
            join_group(session, group_id, buyer, now=ports.clock())
    return group_id


def _size_of(site: Site, ports: Ports, path: str) -> int:
    """Return how many bytes the body has."""
    client = create_app(ports, web_options(site.settings())).test_client()
    answer = client.get(path)
    if answer.status_code != 200:
        raise AssertionError(answer.get_data(as_text=True))
    return len(answer.data)


BENCHMARK: Final = Benchmark((NAME,), run)
