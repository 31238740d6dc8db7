"""Fixtures of the console's tests: over a rolled-back database, and in a browser."""

import re
from collections.abc import Iterator
from datetime import datetime
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from redis import Redis
from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker

from kit.db import Begin
from tests.console.bench import Bench
from tests.console.filled import fill
from tests.console.office import Office
from tests.console.window import CHROMIUM, FLAGS, Window
from tests.miniprogram_api.world import World
from tests.running_shop import RunningShop


@pytest.fixture
def office(begin: Begin, redis: "Redis", now: datetime) -> Office:
    """Return a console in which nothing stays."""
    return Office(World(begin, redis, now))


@pytest.fixture
def bench(engine: Engine, redis: "Redis", now: datetime) -> Iterator[Bench]:
    """Return a filled shop whose every change can be taken back, and in the end all of it."""
    with engine.connect() as connection:
        outer = connection.begin()
        begin = sessionmaker(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        ).begin
        office = Office(World(begin, redis, now))
        filled = fill(office)
        yield Bench(office, office.clerk("owner"), filled, connection)
        outer.rollback()


@pytest.fixture(scope="module")
def browser(no_child_left: None) -> Iterator[Browser]:
    """Return a browser."""
    expect.set_options(timeout=20_000)  # a busy machine is no fault of a page
    with sync_playwright() as player:
        found = player.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


def open_window(browser: Browser, shop: RunningShop, *, role: str) -> Window:
    """Return the console as a new operator with this role sees it."""
    name = f"lin-{uuid4().hex[:6]}"  # the shop may have been shown before
    added = shop.flask("operators", "add", name, "--role", role)
    assert added.returncode == 0, added.stdout
    words = dict(re.findall(r"^(password|authenticator) +(\S+)$", added.stdout, re.MULTILINE))
    found = Window(
        browser,
        shop.url,
        name=name,
        secret=(words["password"], words["authenticator"]),
    )
    found.shop = shop
    return found


@pytest.fixture(scope="module")
def window(browser: Browser, running_shop: RunningShop) -> Iterator[Window]:
    """Return the console as its owner sees it, with one SKU to sell."""
    made = running_shop.flask("sample", "sku", "--stock", "20", "--price-fen", "2000")
    assert made.returncode == 0, made.stdout
    found = open_window(browser, running_shop, role="owner")
    yield found
    found.context.close()


@pytest.fixture(scope="module")
def planner_window(browser: Browser, running_shop: RunningShop) -> Iterator[Window]:
    """Return the console as somebody else sees it, in a browser of their own."""
    found = open_window(browser, running_shop, role="planner")
    yield found
    found.context.close()
