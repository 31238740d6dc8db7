"""Shops for whole stories, each of which ends with an audit that finds nothing."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.journeys.auditor import assert_audit_command, assert_sound, new_sku
from tests.running_shop import RunningShop
from tests.servers import DatabaseServer
from tests.shared_shops import shared

PAY_WITHIN_SECONDS = "4"


@contextmanager
def opened(
    database_server: DatabaseServer,
    redis_url: str,
    settings: Mapping[str, str] | None = None,
    *,
    parts: tuple[str, ...] | None = None,
    with_lane: bool = False,
) -> Iterator[RunningShop]:
    """Start a shop of its own, and end it."""
    folder = Path(tempfile.mkdtemp(prefix="tuanka-test-"))
    shop = RunningShop(
        folder,
        database_server=database_server,
        redis_url=redis_url,
        settings=settings,
        with_lane=with_lane,
    )
    try:
        shop.start(parts=parts)
        yield shop
    finally:
        shop.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def unhurried_shop(running_shop: RunningShop) -> Iterator[RunningShop]:
    """Return the shop of this test process; the auditor's command has the last word."""
    yield running_shop
    assert_audit_command(running_shop)


@pytest.fixture
def shop(unhurried_shop: RunningShop) -> Iterator[RunningShop]:
    """Return a shop in which there is much time to pay."""
    yield unhurried_shop
    assert_sound(unhurried_shop)


@pytest.fixture(scope="session")
def sku(unhurried_shop: RunningShop) -> str:
    """Return something of which that shop has plenty."""
    return new_sku(unhurried_shop, stock=900)


@pytest.fixture(scope="session")
def hurried_shop(database_server: DatabaseServer, redis_url: str) -> Iterator[RunningShop]:
    """Return another shop, in which an order lapses after a few seconds."""
    settings = {"ORDER_PAY_WITHIN_SECONDS": PAY_WITHIN_SECONDS}
    with opened(database_server, redis_url, settings) as shop:
        with shared(shop, fixture="hurried_shop"):
            yield shop
        assert_audit_command(shop)


@pytest.fixture
def quick_shop(hurried_shop: RunningShop) -> Iterator[RunningShop]:
    """Return the shop in which an order lapses after a few seconds."""
    yield hurried_shop
    assert_sound(hurried_shop)


@pytest.fixture(scope="session")
def quick_sku(hurried_shop: RunningShop) -> str:
    """Return something of which that shop has plenty."""
    return new_sku(hurried_shop, stock=300)


@pytest.fixture(params=["wechat", "alipay"])
def platform(request: pytest.FixtureRequest) -> str:
    """Return each platform in turn."""
    name: str = request.param
    return name
