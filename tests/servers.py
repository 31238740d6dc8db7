"""Throw-away servers for the tests: PostgreSQL with a migrated template, Redis, the sandbox."""

import json
import os
import shutil
import socket
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep
from typing import Any, Final
from uuid import uuid4

import psycopg
import requests
from psycopg import sql
from sqlalchemy import make_url

from app.machine.children import Child
from app.machine.postgres import Postgres
from app.migrate import migrate
from kit.clock import monotonic_seconds
from tests import forking

ROOT: Final = forking.ROOT
TEMPLATE: Final = "tuanka_template"
APP_ROLE: Final = "tuanka_test_app"
APP_PASSWORD: Final = "for-throw-away-databases-only"
# What survives a crash of the machine is of no interest here; a crash of the server is survived,
# since a commit waits for its log to be written, though not to reach the disk.
FAST: Final = {
    "fsync": "off",
    "synchronous_commit": "on",
    "full_page_writes": "off",
    "max_connections": "300",
    "log_min_messages": "fatal",
}
WAIT_SECONDS: Final = 90.0


@dataclass
class DatabaseServer:
    """A PostgreSQL with a template database that the real migrations made."""

    owner_url: str  # the superuser's, to the template; other databases by `url_of`
    _postgres: Postgres | None = None
    _made: list[str] = field(default_factory=list)
    _template: str = TEMPLATE

    @classmethod
    def start(cls) -> "DatabaseServer":
        """Start our own server, or use the one that TEST_DATABASE_URL names (a superuser's URL)."""
        given = os.environ.get("TEST_DATABASE_URL")
        if given:
            server = cls(given, _template=f"{TEMPLATE}_{uuid4().hex[:12]}")
        else:
            folder = Path(tempfile.mkdtemp(prefix="tuanka-test-"))
            postgres = Postgres(
                folder, password=uuid4().hex, log_file=folder / "log", settings=FAST
            )
            postgres.start()
            server = cls(postgres.url(TEMPLATE), _postgres=postgres)
        server._make_template()
        return server

    @classmethod
    def joined(cls, owner_url: str) -> "DatabaseServer":
        """Use a server that another process of this test run has started and will end."""
        template = make_url(owner_url).database or TEMPLATE
        return cls(owner_url, _template=template)

    def new_database(self, name: str) -> str:
        """Make a database from the template and return its name."""
        name = f"{name}_{uuid4().hex[:12]}"
        with self._connect() as connection:
            # The template must not be in use; another test process may be copying it just now.
            connection.execute("SELECT pg_advisory_lock(815)")
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(self._template)
                )
            )
        self._made.append(name)
        return name

    def drop(self, name: str) -> None:
        """Remove a database, with whoever is still connected to it."""
        with self._connect() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
        if name in self._made:
            self._made.remove(name)

    def owner_url_of(self, database: str) -> str:
        """Return the owner's URL of a database."""
        return make_url(self.owner_url).set(database=database).render_as_string(hide_password=False)

    def app_url_of(self, database: str) -> str:
        """Return the URL of a database for the application's role, which has just its rights."""
        url = make_url(self.owner_url).set(
            database=database, username=APP_ROLE, password=APP_PASSWORD
        )
        return url.render_as_string(hide_password=False)

    def stop(self) -> None:
        """Remove what was made; end the server when it is ours."""
        for name in list(self._made):
            self.drop(name)
        if self._postgres is not None:
            self._postgres.stop()
            shutil.rmtree(self._postgres.folder, ignore_errors=True)

    def crash(self) -> None:
        """Kill the server and everything of it at once; only for one that nobody shares."""
        assert self._postgres is not None
        assert self._postgres.child is not None
        self._postgres.child.kill()
        self._postgres.child.finish(within_seconds=WAIT_SECONDS)

    def recover(self) -> None:
        """Start the server again after a crash, at the same address."""
        assert self._postgres is not None
        self._postgres.start()

    def _make_template(self) -> None:
        with self._connect() as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE])
            if known.fetchone() is None:
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                        sql.Identifier(APP_ROLE), sql.Literal(APP_PASSWORD)
                    )
                )
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self._template)))
        self._made.append(self._template)
        self.owner_url = self.owner_url_of(self._template)
        migrate(self.owner_url, self.app_url_of(self._template))
        with self._connect(self._template) as connection:
            _keep_first_rows(connection)

    def _connect(self, database: str = "postgres") -> "psycopg.Connection[tuple[Any, ...]]":
        url = make_url(self.owner_url).set(drivername="postgresql", database=database)
        return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)


def _tables(connection: "psycopg.Connection[tuple[Any, ...]]") -> list[str]:
    found = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        " AND tablename <> 'alembic_version' ORDER BY 1"
    )
    return [str(row[0]) for row in found.fetchall()]


def _keep_first_rows(connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
    """Copy the rows that the migrations themselves made, so that `wipe` can bring them back."""
    connection.execute("CREATE SCHEMA first_rows")
    for table in _tables(connection):
        name = sql.Identifier(table)
        held = connection.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(name))
        if held.fetchall()[0][0]:
            connection.execute(
                sql.SQL("CREATE TABLE first_rows.{0} AS TABLE public.{0}").format(name)
            )


def wipe(owner_url: str) -> None:
    """Bring a database back to what the migrations made; facts go too, since triggers are off."""
    url = make_url(owner_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica; SET lock_timeout = '10s'")
        tables = _tables(connection)
        checks = sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(
                sql.Literal(table), sql.Identifier(table)
            )
            for table in tables
        )
        for (table,) in connection.execute(checks).fetchall():
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(str(table))))
        kept = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'first_rows'")
        for (table,) in kept.fetchall():
            connection.execute(
                sql.SQL("INSERT INTO public.{0} TABLE first_rows.{0}").format(
                    sql.Identifier(str(table))
                )
            )


def free_port() -> int:
    """Return a TCP port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class SandboxServer:
    """A real `python -m sandbox` on a free port, its state in a folder of its own."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        """Start it and wait until it answers."""
        self.folder = folder
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._child: Child | None = None
        self.start()

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings that the sandbox itself reads."""
        return {
            "SANDBOX_PORT": str(self.port),
            "SANDBOX_DIR": str(self.folder),
            "SANDBOX_NOTICE_SCALE": "0.01",
            "SANDBOX_QUIET": "1",
        }

    @property
    def credentials(self) -> dict[str, dict[str, str]]:
        """Return what a merchant would get from the platforms."""
        text = (self.folder / "credentials.json").read_text(encoding="utf-8")
        content: dict[str, dict[str, str]] = json.loads(text)
        return content

    @property
    def pid(self) -> int:
        """Return the id of the process, which leads a group of its own."""
        assert self._child is not None
        return self._child.pid

    def start(self) -> None:
        """Start it, again perhaps: books and keys are still there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._child = forking.spawn(
            "sandbox",
            ["sandbox"],
            log_file=self.folder / "log",
            environment=os.environ | self.environment,
        )
        deadline = monotonic_seconds() + WAIT_SECONDS
        while monotonic_seconds() < deadline:
            with suppress(requests.RequestException):
                if requests.get(f"{self.url}/healthz", timeout=1).ok:
                    return
            if not self._child.is_alive:
                break
            sleep(0.05)
        words = self._child.last_words()
        self.stop()
        raise AssertionError(f"the sandbox does not start: {words}")

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Use a switch of the sandbox, which must agree; return its answer."""
        answer = requests.post(f"{self.url}/sandbox/{path}", json=body or {}, timeout=10)
        assert answer.ok, answer.text
        content: dict[str, Any] = answer.json() if answer.content else {}
        return content

    def get(self, path: str) -> dict[str, Any]:
        """Look at the sandbox's log, notices or books."""
        answer = requests.get(f"{self.url}/sandbox/{path}", timeout=10)
        assert answer.ok, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def reset(self) -> None:
        """Forget books, faults, log and switches; keep the keys."""
        self.post("reset")

    def kill(self) -> None:
        """End it without a warning."""
        if self._child is not None:
            self._child.kill()
            self._child.finish(within_seconds=5)

    def stop(self) -> None:
        """End it."""
        if self._child is not None:
            self._child.end(within_seconds=5)
            self._child = None
