"""Clients that buy card after card over HTTP, each waiting for its goods: a closed loop."""

import http.client
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter, sleep
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from benchmarks.people import Person

LOOK_EVERY_SECONDS: Final = 0.02
GOODS_WITHIN_SECONDS: Final = 30.0
PATIENCE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Bought:
    """What a crowd of shoppers did: purchases per second, and the median time of one."""

    purchases: int
    per_second: float
    median_seconds: float
    looks_per_purchase: float


@dataclass
class Shopper:
    """One member's phone: connections that stay open, and how long each purchase took."""

    person: Person
    web: "Wire"
    sandbox: "Wire"
    took: list[float] = field(default_factory=list)
    looks: int = 0

    def buy(self, sku_id: UUID) -> None:
        """Place an order, open a trade, pay at the platform, and look until it is delivered."""
        started = perf_counter()
        lines = [{"sku_id": str(sku_id), "quantity": 1}]
        order = self._post("/v1/orders", {"lines": lines})["order"]["id"]
        trade = self._post(f"/v1/orders/{order}/payments", {"channel": "wechat_pay"})
        prepay_id = trade["params"]["package"].removeprefix("prepay_id=")
        self.sandbox.ask("POST", "/sandbox/wechat-pay/pay", {"prepay_id": prepay_id}, {})
        self._look_until_delivered(order, started)
        self.took.append(perf_counter() - started)

    def _look_until_delivered(self, order: str, started: float) -> None:
        while perf_counter() - started < GOODS_WITHIN_SECONDS:
            self.looks += 1
            seen = self.web.ask("GET", f"/v1/orders/{order}", None, self._headers())
            if seen["status"] == "fulfilled":
                return
            sleep(LOOK_EVERY_SECONDS)
        raise TimeoutError("an order was not delivered")

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        key = {"Idempotency-Key": uuid4().hex}
        return self.web.ask("POST", path, body, self._headers() | key)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.person.token}"}


class Wire:
    """A connection to one server that is kept open."""

    def __init__(self, url: str) -> None:
        """Connect with the first request."""
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=PATIENCE_SECONDS
        )

    def ask(
        self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]
    ) -> dict[str, Any]:
        """Send a request and return the JSON of its answer, which must be a good one."""
        sent = None if body is None else json.dumps(body).encode()
        kind = {} if body is None else {"Content-Type": "application/json"}
        self._connection.request(method, path, sent, headers | kind)
        answer = self._connection.getresponse()
        content = answer.read()
        if not 200 <= answer.status < 300:
            raise AssertionError(f"{method} {path}: {answer.status} {content[:300]!r}")
        told: dict[str, Any] = json.loads(content)
        return told

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def let_buy(
    people: Sequence[Person], *, web_url: str, sandbox_url: str, sku_id: UUID, seconds: float
) -> Bought:
    """Let each buy on and on for so long; a purchase that is under way is finished and counts."""
    crowd = [Shopper(person, Wire(web_url), Wire(sandbox_url)) for person in people]
    troubles: list[BaseException] = []
    started = perf_counter()

    def shop(shopper: Shopper) -> None:
        try:
            while perf_counter() - started < seconds and not troubles:
                shopper.buy(sku_id)
        except BaseException as trouble:
            troubles.append(trouble)

    threads = [threading.Thread(target=shop, args=[shopper]) for shopper in crowd]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = perf_counter() - started
    for shopper in crowd:
        shopper.web.close()
        shopper.sandbox.close()
    if troubles:
        raise troubles[0]
    took = [each for shopper in crowd for each in shopper.took]
    looks = sum(shopper.looks for shopper in crowd)
    return Bought(len(took), len(took) / spent, median(took), looks / len(took))
