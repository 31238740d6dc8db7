"""Fixtures for every test: throw-away servers, transactions that leave nothing, a fixed now."""

import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from time import sleep
from typing import Any, Final

import pytest
from argon2 import PasswordHasher
from redis import Redis
from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker

from app.machine.children import command_line
from app.machine.redis_server import RedisServer
from kit.db import Begin, make_begin, make_engine
from shop.operators import secret_words
from tests import forking
from tests.running_shop import RunningShop
from tests.servers import DatabaseServer, SandboxServer, wipe
from tests.shared_shops import shared, wake_for

PR_SET_CHILD_SUBREAPER: Final = 36
GRACE_SECONDS: Final = 5.0
_SERVER: pytest.StashKey[DatabaseServer] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch for long, seeded runs of the fault and race tests."""
    parser.addoption("--chaos", action="store_true", help="long seeded runs (make chaos)")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give each parallel test process the one database server, which this process starts."""
    if _SERVER not in node.config.stash:
        node.config.stash[_SERVER] = DatabaseServer.start()
    node.workerinput["database_server"] = node.config.stash[_SERVER].owner_url


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the database server that the parallel test processes shared."""
    if _SERVER in config.stash:
        config.stash[_SERVER].stop()
        del config.stash[_SERVER]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Have just those shops run that the test uses, before any fixture of it is made."""
    wake_for(getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session", autouse=True)
def no_child_left() -> Iterator[None]:
    """Prove at the end that no process started by a test, however deep, is still there."""
    if sys.platform == "linux":
        # Orphans become ours, so that they are seen.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    yield
    forking.close()
    left: list[str] = []
    for _ in range(int(GRACE_SECONDS / 0.1)):
        left = _children()
        if not left:
            return
        sleep(0.1)
    raise AssertionError(f"processes are left behind: {left}")


@pytest.fixture(scope="session")
def database_server(
    request: pytest.FixtureRequest, no_child_left: None
) -> Iterator[DatabaseServer]:
    """Return the PostgreSQL of this test run."""
    shared = getattr(request.config, "workerinput", {}).get("database_server")
    server = DatabaseServer.joined(shared) if shared else DatabaseServer.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def database_name(database_server: DatabaseServer) -> str:
    """Return the name of this test process's own database."""
    return database_server.new_database("tuanka_test")


@pytest.fixture(scope="session")
def owner_url(database_server: DatabaseServer, database_name: str) -> str:
    """Return the URL of the test database for the owner of its schema."""
    return database_server.owner_url_of(database_name)


@pytest.fixture(scope="session")
def database_url(database_server: DatabaseServer, database_name: str) -> str:
    """Return the URL of the test database for the application's role."""
    return database_server.app_url_of(database_name)


@pytest.fixture(scope="session")
def engine(database_url: str) -> Iterator[Engine]:
    """Return an engine on the test database with the application's rights, room for threads."""
    engine = make_engine(database_url, pool_size=10, max_overflow=50)
    yield engine
    engine.dispose()


@pytest.fixture
def begin(engine: Engine) -> Iterator[Begin]:
    """Return `begin` inside a transaction that is rolled back: code commits, nothing stays."""
    with engine.connect() as connection:
        outer = connection.begin()
        yield sessionmaker(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        ).begin
        if outer.is_active:
            outer.rollback()


@pytest.fixture
def real_begin(engine: Engine, owner_url: str) -> Iterator[Begin]:
    """Return `begin` with real commits, for threads and processes; the tables are wiped after."""
    yield make_begin(engine)
    wipe(owner_url)


@pytest.fixture(scope="session")
def redis_url(no_child_left: None) -> Iterator[str]:
    """Return the URL of this test process's own Redis."""
    folder = Path(tempfile.mkdtemp(prefix="tuanka-test-"))
    server = RedisServer(folder, log_file=folder / "log")
    server.start()
    yield server.url
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def redis(redis_url: str) -> Iterator["Redis"]:
    """Return a client of an empty Redis."""
    client = Redis.from_url(redis_url, socket_timeout=5)
    client.flushall()
    yield client
    client.close()


@pytest.fixture(scope="session")
def is_chaos(request: pytest.FixtureRequest) -> bool:
    """Say whether this is a long run."""
    return bool(request.config.getoption("--chaos"))


@pytest.fixture(scope="session", autouse=True)
def product_hashing() -> Iterator[tuple[PasswordHasher, str]]:
    """Hash passwords in a moment; return what the product does it with, a third of a second."""
    hasher, nobodys = secret_words._HASHER, secret_words._NOBODYS
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secret_words, "_HASHER", quick)
        patch.setattr(secret_words, "_NOBODYS", quick.hash(token_hex()))
        yield hasher, nobodys


@pytest.fixture
def now() -> datetime:
    """Return the one moment at which the test happens."""
    return datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def sandbox_process(no_child_left: None) -> Iterator[SandboxServer]:
    """Return the simulated platforms of this test process, with whatever was done to them."""
    folder = Path(tempfile.mkdtemp(prefix="tuanka-test-"))
    server = SandboxServer(folder)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sandbox_server(sandbox_process: SandboxServer) -> SandboxServer:
    """Return the simulated platforms without a past."""
    sandbox_process.reset()
    return sandbox_process


@pytest.fixture(scope="session")
def running_shop(database_server: DatabaseServer, redis_url: str) -> Iterator[RunningShop]:
    """Return the whole product as processes, shared by the tests of this test process."""
    folder = Path(tempfile.mkdtemp(prefix="tuanka-test-"))
    shop = RunningShop(folder, database_server=database_server, redis_url=redis_url)
    try:
        shop.start()
        with shared(shop, fixture="running_shop"):
            yield shop
    finally:
        shop.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _children() -> list[str]:
    """Return the command lines of our living children; those of Python's own house do not count."""
    pid = os.getpid()
    found: list[str] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in file.read_text().split():
            command = " ".join(command_line(int(child)))
            if command and "resource_tracker" not in command:
                found.append(f"{child}: {command}")
    return found
