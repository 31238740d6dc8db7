"""A notice that comes again, beside its first coming: genuine ones of the sandbox's WeChat Pay."""

import http.server
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from queue import Queue
from statistics import median
from typing import Final

from app.factory import create_app
from app.wiring import web_options
from benchmarks.door import Door, Prepared, prepare
from benchmarks.frame import Benchmark, Plan
from benchmarks.ground import Site, ground
from benchmarks.people import Person, make_stock, sign_in
from benchmarks.report import Figure, compared
from shop.catalog.models import SaleChannel, Sku
from shop.orders.paying import start_payment
from shop.orders.rules import LineWanted
from shop.orders.service import place_order
from shop.payments.gateway import Channel
from shop.ports import Ports

NAME: Final = "spine.repeated_notice"
NOTE: Final = (
    "answers per second to WeChat Pay notices of the sandbox, the application called in process,"
    " one after the other; a repeat comes right after its first, byte for byte; against: the firsts"
)
ARRIVES_WITHIN_SECONDS: Final = 20.0


def run(plan: Plan) -> Iterable[Figure]:
    """Have orders paid, keep the notices back, then bring each twice."""
    per_round = plan.size(80, quick=5)
    with ground() as site, _catcher() as (address, caught):
        site.start_sandbox()
        ports = site.ports(public_base_url=address)
        door = Door(create_app(ports, web_options(site.settings())))
        people = sign_in(ports, 20, app_id=site.settings().wechat.app_id)
        sku = make_stock(ports, per_round * (plan.rounds + 1))
        first: list[float] = []
        again: list[float] = []
        for number in range(plan.rounds + 1):
            notices = [
                _pay(site, ports, people[n % len(people)], sku, caught) for n in range(per_round)
            ]
            took = [[door.seconds(each, status=204) for _ in range(2)] for each in notices]
            if number > 0:  # the round before only warms up
                first.append(1 / median(pair[0] for pair in took))
                again.append(1 / median(pair[1] for pair in took))
    yield compared(NAME, again, first, unit="notices/s", note=NOTE, at_least=3)


def _pay(site: Site, ports: Ports, person: Person, sku: Sku, caught: "Queue[Prepared]") -> Prepared:
    """Buy one card and return the notice of its payment, which nobody has applied yet."""
    with ports.begin() as session:
        order = place_order(
            session,
            member_id=person.member_id,
            sale_channel=SaleChannel.H5,
            wanted=[LineWanted(sku.id, 1)],
            pay_within=ports.pay_within,
            now=ports.clock(),
        )
    payment = start_payment(
        ports.begin,
        ports.gateways,
        order_id=order.id,
        member_id=person.member_id,
        channel=Channel.WECHAT_PAY,
        payer_hash_key=ports.payer_hash_key,
        clock=ports.clock,
    )
    site.tell_sandbox("wechat-pay/pay", prepay_id=payment.platform_ref)
    return caught.get(timeout=ARRIVES_WITHIN_SECONDS)


@contextmanager
def _catcher() -> "Iterator[tuple[str, Queue[Prepared]]]":
    """Yield an address that accepts every notice, and the notices that came there."""
    caught: Queue[Prepared] = Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            caught.put(prepare("POST", self.path, headers=dict(self.headers), body=body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", caught
    finally:
        server.shutdown()
        server.server_close()


BENCHMARK: Final = Benchmark((NAME,), run)
