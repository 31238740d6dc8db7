"""A crowd at a flash sale, over HTTP, that asks again under the same key until it is answered."""

import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from time import sleep
from typing import Any, Final
from uuid import uuid4

import requests

from kit.clock import monotonic_seconds, utc_now
from tests.journeys.people import Person, confirm
from tests.running_shop import RunningShop

PATIENCE_SECONDS: Final = 90.0
# Between two tries: a crowd that asks without a pause is what a server that starts dies of.
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 1.6
TIMEOUT_SECONDS: Final = 8.0
POLL_SECONDS: Final = 0.3
AT_THE_DOOR: Final = 8
BUSY: Final = (429, 503)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What one of the crowd will do, drawn beforehand."""

    arrives_after: float
    pays: bool = True
    waits: bool = True  # for a unit that comes back, until the sale is over
    names_offers: bool = False
    repeats: bool = False  # asks once more after it was told "yours"
    passes_the_lane: bool = False  # claims where claims were taken before there was one


class Buyer(threading.Thread):
    """One of the crowd: what was told them is in `told`, what nobody should be told in `odd`."""

    def __init__(self, person: Person, campaign_id: str, fate: Fate, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.person, self.campaign_id, self.fate, self.over = person, campaign_id, fate, over
        self.told: dict[str, Json] = {}  # key → the claim and order of its answer
        self.odd: list[str] = []
        self.heard: dict[str, list[str]] = {}  # key → what came of each try, and when
        self.answered_at: dict[str, datetime] = {}  # key → when that had an end
        self.trouble = 0
        self.error: BaseException | None = None
        self._token = self._claims_url = ""

    def be_let_in(self) -> None:
        """Get a purchase token."""
        answer = self.ask("POST", self._at("purchase-tokens"), {})
        assert answer is not None, "not let in"
        assert answer.status_code == 201, answer.text
        given = answer.json()
        self._token, self._claims_url = given["token"], given["claims_url"]
        if self.fate.passes_the_lane:
            self._claims_url = self._at("claims")

    def run(self) -> None:
        """Claim, pay or not, wait for what comes back."""
        try:
            sleep(self.fate.arrives_after)
            self._live()
        except BaseException as error:
            self.error = error

    def ask(
        self, method: str, url: str, body: Json | None = None, *, token: str = "", key: str = ""
    ) -> requests.Response | None:
        """Ask, and again under the same key while nobody answers; None when nobody ever does."""
        key = key or uuid4().hex
        headers = {"Authorization": f"Bearer {token or self.person.token}"}
        if method == "POST":
            headers["Idempotency-Key"] = key
        heard = self.heard.setdefault(key, [])
        until = monotonic_seconds() + PATIENCE_SECONDS
        pause = SHORTEST_PAUSE
        while monotonic_seconds() < until:
            try:
                answer = requests.request(
                    method, url, json=body, headers=headers, timeout=TIMEOUT_SECONDS
                )
            except requests.RequestException as error:
                heard.append(f"{type(error).__name__} at {utc_now()}")
                self.trouble += 1
                sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            heard.append(f"{answer.status_code} at {utc_now()}")
            self.answered_at[key] = utc_now()
            if answer.status_code not in BUSY:
                if answer.status_code >= 500:
                    self.odd.append(f"{method} {url}: {answer.status_code} {answer.text}")
                return answer
            self.trouble += 1
            if "Retry-After" not in answer.headers:
                self.odd.append(f"{method} {url}: {answer.status_code}, and nobody says when")
            sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        self.odd.append(f"{method} {url}: nobody ever answered: {heard[-3:]}")
        return None

    def _live(self) -> None:
        said = self._claim({})
        while not self.over.is_set():
            if isinstance(said, dict):
                if not self.fate.pays or self._pay(said):
                    return
            elif not self.fate.waits:
                return
            offer = self._wait()
            if offer is None:
                return
            said = self._claim({"offer_id": offer} if offer and self.fate.names_offers else {})

    def _claim(self, body: Json) -> Json | str:
        """Return the order, or the code of the refusal."""
        key = uuid4().hex
        answer = self.ask("POST", self._claims_url, body, token=self._token, key=key)
        if answer is None:
            return "silence"
        if answer.status_code != 201:
            return str(answer.json().get("code", "?"))
        self.told[key] = answer.json()
        if self.fate.repeats:
            again = self.ask("POST", self._claims_url, body, token=self._token, key=key)
            if again is not None and again.text != answer.text and self._is_in_time(key):
                self.odd.append(f"not the same answer to {key}: {again.text} {self.heard[key]}")
        order: Json = answer.json()["order"]
        return order

    def _is_in_time(self, key: str) -> bool:
        """Say whether the last answer came before the order may have lapsed."""
        pay_by = datetime.fromisoformat(self.told[key]["order"]["pay_by"])
        return self.answered_at[key] < pay_by

    def _pay(self, order: Json) -> bool:
        """Say whether the order was paid in time."""
        path = f"{self.person.shop.url}/v1/orders/{order['id']}"
        opened = self.ask("POST", f"{path}/payments", {"channel": self.person.channel})
        if opened is not None and opened.status_code == 201:
            confirm(self.person.shop, self.person.channel, opened.json()["params"])
        while True:  # it ends, one way or another: a sweep sees to that
            seen = self.ask("GET", path)
            if seen is None:
                return False
            status = seen.json()["status"]
            if status != "pending":
                return bool(status == "fulfilled")
            sleep(POLL_SECONDS)

    def _wait(self) -> str | None:
        """Wait until a unit may be had: return the offer's id, "" without one; None: no more."""
        url = self._at("waitlist")
        while not self.over.is_set():
            joined = self.ask("POST", url, {})
            if joined is None:
                return None
            if joined.status_code != 201:
                code = joined.json()["code"]
                if code == "flash_sale.still_on_sale":
                    return ""
                if code != "limit_reached":  # whose last order is just being closed
                    self.odd.append(f"the waitlist says {code}")
                    return None
            elif joined.json()["wait"]["status"] == "offered":
                return str(joined.json()["wait"]["offer_id"])
            sleep(POLL_SECONDS)
        self.ask("DELETE", url)
        return None

    def _at(self, what: str) -> str:
        return f"{self.person.shop.url}/v1/campaigns/{self.campaign_id}/{what}"


def people(shop: RunningShop, count: int) -> list[Person]:
    """Return so many members, half of them of each platform."""
    with ThreadPoolExecutor(AT_THE_DOOR) as pool:
        return list(pool.map(lambda n: Person(shop, ("wechat", "alipay")[n % 2]), range(count)))


def let_in(crowd: Sequence[Buyer]) -> None:
    """Give everybody a token."""
    with ThreadPoolExecutor(AT_THE_DOOR) as pool:
        for _ in pool.map(Buyer.be_let_in, crowd):
            pass


def fates(rng: random.Random, *, count: int, stock: int, spread: float) -> list[Fate]:
    """Draw what a crowd does: enough of it want a unit and pay, some never do, some do not wait."""
    wanting = stock + 3
    drawn = []
    for number in range(count):
        wants = number < wanting
        fate = Fate(
            arrives_after=rng.uniform(0, spread),
            pays=wants or rng.random() < 0.4,
            waits=wants or rng.random() < 0.1,
            names_offers=rng.random() < 0.5,
            repeats=rng.random() < 0.3,
            passes_the_lane=rng.random() < 0.3,
        )
        drawn.append(fate)
    rng.shuffle(drawn)
    return drawn
