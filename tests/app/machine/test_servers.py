"""The embedded servers: data stays, a kill -9 is survived, what is in the way is said in a line."""

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from redis import Redis
from sqlalchemy import make_url

from app.machine.postgres import Postgres
from app.machine.redis_server import RedisServer
from app.machine.refusal import CannotRun

PASSWORD = "only-for-this-test"


def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    """Run a statement in a transaction of its own."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def open_tmp(tmp_path: Path) -> Path:
    """Return a folder as VAR_DIR is: others pass through."""
    tmp_path.chmod(0o711)
    return tmp_path


@pytest.fixture
def postgres(open_tmp: Path) -> Iterator[Postgres]:
    """Return a started server of our own."""
    server = Postgres(open_tmp / "postgres", password=PASSWORD, log_file=open_tmp / "log")
    server.start()
    yield server
    server.stop()


class TestPostgres:
    """One server under one folder."""

    def test_keeps_data_between_starts(self, postgres: Postgres) -> None:
        postgres.ensure_database("shop")
        ask(postgres.url("shop"), "CREATE TABLE kept AS SELECT 1 AS n")
        postgres.stop()
        postgres.start()
        assert ask(postgres.url("shop"), "SELECT n FROM kept") == [(1,)]

    def test_survives_kill_9_with_its_pid_file(self, postgres: Postgres) -> None:
        ask(postgres.url("postgres"), "CREATE TABLE kept AS SELECT 1 AS n")
        assert postgres.child is not None
        os.kill(postgres.child.pid, signal.SIGKILL)
        postgres.child.process.wait(10)
        assert (postgres.data / "postmaster.pid").exists()
        postgres.start()
        assert ask(postgres.url("postgres"), "SELECT n FROM kept") == [(1,)]

    def test_survives_a_pid_file_that_names_another_process(self, postgres: Postgres) -> None:
        assert postgres.child is not None
        postgres.child.kill()
        postgres.child.process.wait(10)
        pid_file = postgres.data / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
        postgres.start()
        assert ask(postgres.url("postgres"), "SELECT 1") == [(1,)]

    def test_ends_the_server_that_a_killed_run_left(self, postgres: Postgres) -> None:
        left = postgres.child
        assert left is not None
        postgres.start()  # as a new run would: it knows only the folder
        assert left.process.wait(10) == 0
        assert ask(postgres.url("postgres"), "SELECT 1") == [(1,)]

    def test_lets_in_nobody_without_the_password(self, postgres: Postgres) -> None:
        url = make_url(postgres.url("postgres")).set(password="another")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            ask(url.render_as_string(hide_password=False), "SELECT 1")
        assert stat.S_IMODE(postgres.folder.stat().st_mode) == 0o700

    def test_does_not_listen_on_the_network(self, postgres: Postgres) -> None:
        assert ask(postgres.url("postgres"), "SHOW listen_addresses") == [("",)]
        assert ask(postgres.url("postgres"), "SHOW synchronous_commit") == [("on",)]

    def test_the_application_role_has_no_powers(self, postgres: Postgres) -> None:
        for password in ("first", "second"):  # made once, then only its password is new
            postgres.ensure_role("tuanka_app", password=password)
        url = postgres.url("postgres", role="tuanka_app", password="second")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(url, "CREATE ROLE another")

    def test_says_in_a_line_that_the_password_is_another(self, postgres: Postgres) -> None:
        postgres.stop()
        other = Postgres(postgres.folder, password="another", log_file=postgres.log_file)
        with pytest.raises(CannotRun, match=r"restore secrets\.json") as refusal:
            other.start()
        assert "\n" not in str(refusal.value)

    def test_says_in_a_line_that_the_data_is_of_another_version(self, postgres: Postgres) -> None:
        postgres.stop()
        (postgres.data / "PG_VERSION").write_text("17\n")
        with pytest.raises(CannotRun, match="is of PostgreSQL 17"):
            postgres.start()

    def test_says_in_a_line_why_it_does_not_start(self, postgres: Postgres) -> None:
        postgres.stop()
        broken = Postgres(
            postgres.folder,
            password=PASSWORD,
            log_file=postgres.log_file,
            settings={"shared_buffers": "nonsense"},
        )
        with pytest.raises(CannotRun, match="shared_buffers") as refusal:
            broken.start()
        assert "\n" not in str(refusal.value)

    def test_a_long_path_is_no_obstacle(self, open_tmp: Path) -> None:
        folder = open_tmp / ("long" * 30)
        server = Postgres(folder, password=PASSWORD, log_file=open_tmp / "log")
        server.start()
        try:
            socket_folder = Path(str(make_url(server.url("postgres")).query["host"]))
            assert ask(server.url("postgres"), "SELECT 1") == [(1,)]
        finally:
            server.stop()
        assert not socket_folder.exists()


class TestRedisServer:
    """One server on a socket."""

    def test_survives_kill_9_and_forgets(self, tmp_path: Path) -> None:
        server = RedisServer(tmp_path / "redis", log_file=tmp_path / "log")
        server.start()
        client = Redis.from_url(server.url)
        try:
            client.set("kept", "no")
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert server.child is not None
            os.kill(server.child.pid, signal.SIGKILL)
            server.child.process.wait(10)
            assert server.socket.exists()
            server.start()
            assert client.get("kept") is None
        finally:
            client.close()
            server.stop()
        assert list((tmp_path / "redis").iterdir()) == []

    def test_says_in_a_line_that_it_does_not_start(self, tmp_path: Path) -> None:
        server = RedisServer(tmp_path / "redis", log_file=tmp_path / "log")
        (tmp_path / "redis" / "redis.sock").mkdir(parents=True)  # a socket cannot be made here
        with pytest.raises(CannotRun, match="Redis does not start"):
            server.start()
