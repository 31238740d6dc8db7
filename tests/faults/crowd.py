"""Impatient members over HTTP, who ask again under the same key until they are served."""

import random
import threading
from time import sleep
from typing import Any
from uuid import uuid4

import requests

from kit.clock import monotonic_seconds
from tests.journeys.people import Person, confirm, order_body
from tests.running_shop import RunningShop

PATIENCE_SECONDS = 25.0


class Member(threading.Thread):
    """One member, who orders, pays or does not, looks, and gives back, by a seeded coin."""

    def __init__(self, shop: RunningShop, person: Person, sku: str, seed: str) -> None:
        super().__init__(daemon=True)
        self.shop, self.person, self.sku = shop, person, sku
        self.rng = random.Random(seed)
        self.stopping = threading.Event()
        self.orders: list[str] = []
        self.trouble = 0

    def run(self) -> None:
        """Go on until told to stop."""
        while not self.stopping.is_set():
            self.buy()

    def buy(self) -> None:
        """Order something and do with it what the coin says."""
        answer = self.ask("POST", "/orders", order_body((self.sku, self.rng.randint(1, 3))))
        if answer is None or answer.status_code != 201:
            return
        order = answer.json()["order"]
        self.orders.append(order["id"])
        fate = self.rng.random()
        if fate < 0.1:
            return  # never comes back
        if fate < 0.2:
            self.ask("POST", f"/orders/{order['id']}/cancel")
            return
        opened = self.ask(
            "POST", f"/orders/{order['id']}/payments", {"channel": self.person.channel}
        )
        if opened is None or opened.status_code != 201:
            return
        confirm(self.shop, self.person.channel, opened.json()["params"])
        if fate < 0.3:
            self.ask("POST", f"/orders/{order['id']}/cancel")
        if fate > 0.6:
            self.look_and_give_back(order["id"])

    def look_and_give_back(self, order_id: str) -> None:
        """Reveal a card perhaps, and ask for the money of the rest."""
        listed = self.ask("GET", f"/cards?order_id={order_id}")
        cards = listed.json().get("items", []) if listed is not None else []
        if cards and self.rng.random() < 0.5:
            self.ask("POST", f"/cards/{self.rng.choice(cards)['id']}/reveal")
        self.ask("POST", f"/orders/{order_id}/refunds", {})

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response | None:
        """Ask, and ask again under the same key while nobody answers or everybody is busy."""
        key, until = uuid4().hex, monotonic_seconds() + PATIENCE_SECONDS
        while monotonic_seconds() < until and not self.stopping.is_set():
            try:
                answer: requests.Response = (
                    self.person.ask(method, path, body, key=key, timeout=5)
                    if method == "POST"
                    else self.person.ask(method, path, body, timeout=5)
                )
            except requests.RequestException:
                self.trouble += 1
                sleep(0.2)
                continue
            if answer.status_code < 500 and answer.status_code != 429:
                return answer
            self.trouble += 1
            sleep(0.2)
        return None
