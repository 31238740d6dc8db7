"""Reading one hot group over HTTP, beside a Flask route that returns a constant of its size."""

import socket
import threading
from collections.abc import Iterable
from functools import partial
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from app.factory import create_app
from app.wiring import web_options
from benchmarks import beside_constant
from benchmarks.frame import Benchmark, Plan, interleave, load_average
from benchmarks.ground import Site, ground
from benchmarks.grouping import open_campaign
from benchmarks.people import sign_in
from benchmarks.report import Figure, compared
from group_buy.joining import Buyer, join_group, open_group
from shop.catalog.models import SaleChannel
from shop.ports import Ports

NAME: Final = "group_buy.read_hot_group"
WORKERS: Final = 2
CONNECTIONS: Final = 8
IN_A_ROW: Final = 16  # requests sent before their answers are read, so that the client costs little
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
            name: partial(_requests_per_second, url, where, requests)
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


def _requests_per_second(url: str, path: str, requests: int) -> float:
    troubles: list[BaseException] = []

    def read() -> None:
        try:
            _read(url, path, requests // CONNECTIONS)
        except (OSError, AssertionError) as trouble:
            troubles.append(trouble)

    readers = [threading.Thread(target=read) for _ in range(CONNECTIONS)]
    started = perf_counter()
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    if troubles:
        raise troubles[0]
    return requests / (perf_counter() - started)


def _read(url: str, path: str, requests: int) -> None:
    parts = urlsplit(url)
    host = f"{parts.hostname}:{parts.port}"
    asked = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode() * IN_A_ROW
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as wire:
        for _ in range(requests // IN_A_ROW):
            wire.sendall(asked)
            answers = 0
            held = b""
            while answers < IN_A_ROW:
                piece = wire.recv(65_536)
                if not piece:
                    raise AssertionError("the server hung up")
                done, held = _take_answers(held + piece)
                answers += done


def _take_answers(held: bytes) -> tuple[int, bytes]:
    """Return how many whole answers there are, and what is left of the next."""
    done = 0
    while True:
        head, found, rest = held.partition(b"\r\n\r\n")
        if not found:
            return done, held
        if not head.startswith(b"HTTP/1.1 200"):
            raise AssertionError(head.decode(errors="replace"))
        at = head.lower().index(b"content-length:") + 15
        length = int(head[at:].split(b"\r\n", 1)[0])
        if len(rest) < length:
            return done, held
        done, held = done + 1, rest[length:]


BENCHMARK: Final = Benchmark((NAME,), run)
