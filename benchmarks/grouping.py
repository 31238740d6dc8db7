"""Campaigns whose groups the benchmarks fill, and the clients that take seats over HTTP."""

import http.client
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from time import perf_counter
from typing import Any, Final
from uuid import UUID, uuid4

from app.sample_campaigns import CampaignSample, MadeCampaign, make_group_buy
from benchmarks.people import PRICE_FEN, Person
from benchmarks.shoppers import Wire
from shop.campaigns.jobs import turn_due_campaigns
from shop.ports import Ports

PAY_WITHIN_SECONDS: Final = 3600


def open_campaign(ports: Ports, *, stock: int, seats: int) -> MadeCampaign:
    """Make a campaign that is live, with codes for everybody."""
    made = make_group_buy(
        ports.begin,
        ports.vault,
        CampaignSample(
            stock=stock,
            limit=100,
            price_fen=PRICE_FEN,
            seats=seats,
            opens_in=timedelta(0),
            lasts=timedelta(hours=2),
            group_lasts=timedelta(hours=2),
            pay_within_seconds=PAY_WITHIN_SECONDS,
        ),
        fee_basis_points=ports.fee_basis_points,
        now=ports.clock(),
    )
    turn_due_campaigns(ports.begin, now=ports.clock())
    return made


@dataclass
class Client:
    """A member's phone that takes a seat and pays for it, and how long each answer took."""

    person: Person
    web: Wire
    sandbox: Wire
    took: list[float] = field(default_factory=list)
    order: str = ""

    def open(self, campaign_id: UUID) -> str:
        """Open a group and return its id."""
        answer = self._post(f"/v1/campaigns/{campaign_id}/groups", {})
        self.order = answer["order"]["id"]
        group: str = answer["group"]["id"]
        return group

    def join(self, group_id: str) -> None:
        """Take a seat."""
        started = perf_counter()
        self.order = self._post(f"/v1/groups/{group_id}/seats", {})["order"]["id"]
        self.took.append(perf_counter() - started)

    def pay(self) -> None:
        """Open a trade, and pay at the platform."""
        trade = self._post(f"/v1/orders/{self.order}/payments", {"channel": "wechat_pay"})
        prepay_id = trade["params"]["package"].removeprefix("prepay_id=")
        self.sandbox.ask("POST", "/sandbox/wechat-pay/pay", {"prepay_id": prepay_id}, {})

    def status_of(self, group_id: str) -> str:
        """Look at a group."""
        status: str = self.web.ask("GET", f"/v1/groups/{group_id}", None, {})["status"]
        return status

    def close(self) -> None:
        """Hang up."""
        self.web.close()
        self.sandbox.close()

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {
            "Authorization": f"Bearer {self.person.token}",
            "Idempotency-Key": uuid4().hex,
        }
        return self.web.ask("POST", path, body, headers)


def all_at_once(acts: Sequence[Callable[[], object]], *, threads: int) -> float:
    """Let so many threads do everything, one act after the other each; return the seconds."""
    left = list(reversed(acts))
    turn, ready = threading.Lock(), threading.Barrier(threads + 1)
    troubles: list[BaseException] = []

    def work() -> None:
        ready.wait()
        while not troubles:
            with turn:
                if not left:
                    return
                act = left.pop()
            try:
                act()
            except (OSError, AssertionError, http.client.HTTPException, json.JSONDecodeError) as no:
                troubles.append(no)

    crowd = [threading.Thread(target=work) for _ in range(threads)]
    for each in crowd:
        each.start()
    ready.wait()
    started = perf_counter()
    for each in crowd:
        each.join()
    if troubles:
        raise troubles[0]
    return perf_counter() - started


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which so large a share lies."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
