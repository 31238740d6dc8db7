"""Outages: Redis, the platforms, the database and our own processes go and come back."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from app.machine.redis_server import RedisServer
from kit.clock import monotonic_seconds
from tests.journeys.auditor import assert_sound, new_sku
from tests.journeys.conftest import opened
from tests.journeys.people import (
    CHANNELS,
    NOTICES,
    Json,
    Person,
    confirm,
    eventually,
    join_by_phone,
    order_body,
    sign_in,
    sign_in_code,
    trouble,
)
from tests.running_shop import RunningShop
from tests.servers import DatabaseServer

RECOVERED_SECONDS = 20.0
LOAD_SECONDS = 1.5
CRASHES = 3


@pytest.fixture(scope="module")
def own_database() -> Iterator[DatabaseServer]:
    """Return a database server that nobody shares."""
    server = DatabaseServer.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def own_redis() -> Iterator[RedisServer]:
    """Return a Redis that nobody shares."""
    folder = Path(tempfile.mkdtemp(prefix="tuanka-test-"))
    server = RedisServer(folder, log_file=folder / "log")
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def fragile_shop(own_database: DatabaseServer, own_redis: RedisServer) -> Iterator[RunningShop]:
    """Return a shop every part of which may be broken."""
    # Few members order, and cancel, more in a minute than any person would.
    settings = {"PLATFORM_TIMEOUT_SECONDS": "2", "LIMITS__WRITES_PER_MINUTE": "100000"}
    with opened(own_database, own_redis.url, settings) as shop:
        yield shop


@pytest.fixture
def shop(fragile_shop: RunningShop) -> Iterator[RunningShop]:
    """Return that shop in one piece; the auditor finds nothing afterwards."""
    fragile_shop.wait_until_ready()
    yield fragile_shop
    fragile_shop.wait_until_ready()
    assert_sound(fragile_shop)


@pytest.fixture(scope="module")
def sku(fragile_shop: RunningShop) -> str:
    """Return something of which there is plenty."""
    return new_sku(fragile_shop, stock=900)


def test_c51_without_redis_all_but_the_codes_goes_on(
    shop: RunningShop, sku: str, own_redis: RedisServer
) -> None:
    person = Person(shop, "wechat")
    own_redis.stop()
    try:
        person.sign_in()
        order = person.buy((sku, 1))
        (card,) = person.cards(order)
        refused = person.reveal(card)
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert person.cards(order)[0]["status"] == "delivered"
    finally:
        own_redis.start()
    opened_card = eventually(
        lambda: (answer := person.reveal(card)).status_code == 200 and answer,
        within_seconds=RECOVERED_SECONDS,
    )
    assert opened_card


def test_j158_while_the_platforms_are_gone_nothing_is_lost(shop: RunningShop, sku: str) -> None:
    payer, returner, newcomer = (Person(shop, "wechat") for _ in range(3))
    kept = returner.buy((sku, 1))
    order = payer.place((sku, 1))
    code = sign_in_code(newcomer)
    shop.sandbox.kill()
    try:
        path, body = f"/orders/{order['id']}/payments", {"channel": "wechat_pay"}
        unsure = payer.ask("POST", path, body, key="pay")
        assert (unsure.status_code, unsure.json()["code"]) == (
            503,
            "payments.platform_unavailable",
        )
        assert sign_in(shop, "wechat", code).status_code == 503
        asked = returner.ask("POST", f"/orders/{kept['id']}/refunds", {})
        assert asked.status_code == 201
        assert payer.order(order)["status"] == "pending"
    finally:
        shop.sandbox.start()
    answer = payer.ask("POST", path, body, key="pay")
    assert answer.status_code == 201, answer.text
    assert confirm(shop, "wechat_pay", answer.json()["params"]).status_code == 200
    payer.await_status(order, "fulfilled")
    returner.await_status(kept, "refunded", within_seconds=30)
    assert sign_in(shop, "wechat", code).status_code == 200


def test_j148_without_a_scheduler_and_a_worker_work_waits_for_them(
    shop: RunningShop, sku: str
) -> None:
    first, second = Person(shop, "wechat"), Person(shop, "alipay")
    bought = second.buy((sku, 1))
    for part in ("scheduler", "worker"):
        shop.kill(part)
    order = first.place((sku, 1))
    params = first.open_trade(order)
    match = {"out_trade_no": first.trade()["out_trade_no"]}
    trouble(shop, NOTICES["wechat_pay"], "drop", times=None, match=match)
    assert confirm(shop, "wechat_pay", params).status_code == 200
    join_by_phone(first, second)
    assert first.order(order, wait=3)["status"] == "pending"
    assert first.ask("GET", f"/orders/{bought['id']}").status_code == 404
    assert shop.request("GET", "/readyz").status_code in (200, 503)
    for part in ("worker", "scheduler"):
        shop.start_part(part)
    first.await_status(order, "fulfilled", within_seconds=30)
    eventually(lambda: first.ask("GET", f"/orders/{bought['id']}").status_code == 200)


def test_j148_a_killed_web_answers_again_and_forgets_nothing(shop: RunningShop, sku: str) -> None:
    person = Person(shop, "alipay")
    order = person.place((sku, 1))
    params = person.open_trade(order)
    shop.kill("web")
    assert confirm(shop, "alipay", params).status_code == 200
    shop.start_part("web")
    shop.wait_until_ready()
    person.await_status(order, "fulfilled", within_seconds=60)


class Load:
    """Members who go on buying whatever answers they get."""

    def __init__(self, people: list[Person], sku: str) -> None:
        """Nobody buys yet."""
        self.placed: list[tuple[Person, Json]] = []
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._buy_on, args=(person, sku)) for person in people
        ]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _buy_on(self, person: Person, sku: str) -> None:
        while not self._stop.is_set():
            with suppress(requests.RequestException):
                answer = person.ask("POST", "/orders", order_body((sku, 1)))
                assert answer.status_code in (201, 429, 500, 503), answer.text
                if answer.status_code != 201:
                    continue
                order = answer.json()["order"]
                self.placed.append((person, order))
                body = {"channel": person.channel}
                opened_trade = person.ask("POST", f"/orders/{order['id']}/payments", body)
                if opened_trade.status_code == 201:
                    confirm(person.shop, person.channel, opened_trade.json()["params"])


def test_j150_a_database_that_crashes_under_load_leaves_no_half_state(
    shop: RunningShop, sku: str, own_database: DatabaseServer
) -> None:
    people = [Person(shop, platform) for platform in ("wechat", "alipay") * 2]
    with Load(people, sku) as load:
        for _ in range(CRASHES):
            threading.Event().wait(LOAD_SECONDS)
            own_database.crash()
            own_database.recover()
            since = monotonic_seconds()
            shop.wait_until_ready()
            assert monotonic_seconds() - since < RECOVERED_SECONDS
        before = len(load.placed)
        eventually(lambda: len(load.placed) > before + 3, what="buying goes on")
    for person, order in load.placed:
        end(person, order)
    paid = [
        row
        for channel in CHANNELS.values()
        for row in shop.sandbox.get("books")[channel]["orders"]
        if row["transaction_no"]
    ]
    assert len(paid) > 5
    for child in shop.children.values():
        assert child.is_alive, f"{child.name} did not survive:\n{child.last_words()}"


def end(person: Person, order: Json) -> None:
    """Cancel what is not paid; nothing of the order is left half done."""
    answer = person.ask("POST", f"/orders/{order['id']}/cancel")
    assert answer.status_code in (200, 409), answer.text
    # What was leased when the database crashed is due again when its minute's lease is over.
    ended = person.await_status(order, "fulfilled", "closed", within_seconds=150)
    cards = len(person.cards(order))
    assert cards == (1 if ended["status"] == "fulfilled" else 0)
