"""An embedded PostgreSQL under one folder: made once, started, left as it was, stopped."""

import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import Final

import psycopg
from psycopg import sql
from sqlalchemy import URL

from app.machine import accounts, programs
from app.machine.children import Account, Child, command_line, run_to_end, spawn
from app.machine.refusal import CannotRun
from kit.clock import monotonic_seconds

OWNER: Final = "postgres"
LONGEST_SOCKET_FOLDER: Final = 80  # the system allows about 100 bytes for the whole name
START_SECONDS: Final = 60.0  # recovery after a crash included
STOP_SECONDS: Final = 5.0
LEFTOVER_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.05

SETTINGS: Final = {
    "max_connections": "100",
    "shared_buffers": "128MB",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    # Statements, parameters and rows may hold what no log may hold.
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}


class Postgres:
    """One server on a unix socket, its data in `folder/data`."""

    def __init__(
        self,
        folder: Path,
        *,
        password: str,
        log_file: Path,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Remember where and how; nothing is started."""
        self.folder = folder.absolute()
        self.data = self.folder / "data"
        self.log_file = log_file.absolute()
        self.child: Child | None = None
        self._password = password
        self._settings = {**SETTINGS, **(settings or {})}
        self._socket_folder = self.folder
        self._account: Account | None = None

    def start(self) -> None:
        """Make the data folder if it is new, end a leftover server, start, wait until it serves."""
        self._prepare_folder()
        self._make_data()
        self._clear_leftover()
        deadline = monotonic_seconds() + LEFTOVER_SECONDS
        while True:
            self.child = self._launch()
            if self._wait_until_ready(self.child):
                return
            # Orphans of a killed server hold its memory for a moment longer.
            words = self.child.last_words(lines=3)
            if "still in use" not in words or monotonic_seconds() > deadline:
                raise CannotRun(f"PostgreSQL does not start: {_one_line(words)}")
            sleep(0.5)

    def stop(self, *, within_seconds: float = STOP_SECONDS) -> None:
        """End the server: open transactions are rolled back, the data is left consistent."""
        if self.child is not None:
            self.child.end(signal.SIGINT, within_seconds=within_seconds)
            self.child = None
        if self._socket_folder != self.folder:
            shutil.rmtree(self._socket_folder, ignore_errors=True)
            self._socket_folder = self.folder

    def url(self, database: str, *, role: str = OWNER, password: str | None = None) -> str:
        """Return the SQLAlchemy URL of a database for a role."""
        return URL.create(
            "postgresql+psycopg",
            username=role,
            password=self._password if password is None else password,
            database=database,
            query={"host": str(self._socket_folder)},
        ).render_as_string(hide_password=False)

    def ensure_role(self, role: str, *, password: str) -> None:
        """Make sure that a login role exists and has this password and no powers."""
        with self.connect("postgres") as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
            verb = sql.SQL("ALTER" if known.fetchone() else "CREATE")
            connection.execute(
                sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(
                    verb, sql.Identifier(role), sql.Literal(password)
                )
            )

    def ensure_database(self, name: str) -> None:
        """Make sure that a database exists; only roles with rights of their own may use it."""
        with self.connect("postgres") as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if known.fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def connect(self, database: str) -> "psycopg.Connection[tuple[object, ...]]":
        """Return an autocommit connection as the owner."""
        return psycopg.connect(
            host=str(self._socket_folder),
            user=OWNER,
            password=self._password,
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    def _prepare_folder(self) -> None:
        self._account = accounts.unprivileged()
        self.folder.mkdir(mode=0o700, exist_ok=True)
        is_long = len(os.fsencode(self.folder)) > LONGEST_SOCKET_FOLDER
        if is_long and self._socket_folder == self.folder:
            self._socket_folder = Path(tempfile.mkdtemp(prefix="tuanka-"))
        if self._account is None:
            return
        for folder in {self.folder, self._socket_folder}:
            os.chown(folder, self._account.uid, self._account.gid)
            accounts.let_through(folder)
        program = programs.postgres_program("postgres")
        accounts.let_through(program)
        if not program.stat().st_mode & stat.S_IXOTH:
            accounts.let_read(program.parent.parent)

    def _make_data(self) -> None:
        """Run initdb beside the final place, so that a half-made folder is never taken for one."""
        version = self.data / "PG_VERSION"
        if version.exists():
            found, wanted = version.read_text().strip(), programs.POSTGRES_VERSION
            if found != wanted:
                raise CannotRun(f"{self.data} is of PostgreSQL {found}, this one is {wanted}")
            return
        draft, password_file = self.folder / "data.new", self.folder / "password"
        shutil.rmtree(draft, ignore_errors=True)
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        password_file.write_text(self._password + "\n")
        if self._account is not None:
            os.chown(password_file, self._account.uid, self._account.gid)
        result = run_to_end(
            [
                programs.postgres_program("initdb"),
                *("--pgdata", draft, "--username", OWNER, "--pwfile", password_file),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync"),
                *("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            ],
            environment=_environment(),
            directory=self.folder,
            account=self._account,
        )
        password_file.unlink()
        if result.returncode != 0:
            raise CannotRun(f"PostgreSQL cannot make {self.data}: {_one_line(result.stdout)}")
        draft.rename(self.data)

    def _clear_leftover(self) -> None:
        """End a server that a killed run left behind; drop pid files whose process is another."""
        pid_file = self.data / "postmaster.pid"
        with suppress(OSError, ValueError, IndexError):
            pid = int(pid_file.read_text().splitlines()[0])
            if str(self.data) in command_line(pid):
                _end_stranger(pid)
            else:
                pid_file.unlink()
        for file in self._socket_folder.glob(".s.PGSQL.*"):
            file.unlink(missing_ok=True)

    def _launch(self) -> Child:
        options = self._settings | {
            "listen_addresses": "",
            "unix_socket_directories": str(self._socket_folder),
            "unix_socket_permissions": "0700",
        }
        return spawn(
            "PostgreSQL",
            [
                programs.postgres_program("postgres"),
                *("-D", self.data),
                *(part for item in options.items() for part in ("-c", "=".join(item))),
            ],
            log_file=self.log_file,
            environment=_environment(),
            directory=self.folder,
            account=self._account,
            end_signal=signal.SIGINT,
        )

    def _wait_until_ready(self, child: Child) -> bool:
        """Return whether it serves; False when it ended instead."""
        deadline = monotonic_seconds() + START_SECONDS
        while child.is_alive:
            try:
                self.connect("postgres").close()
            except psycopg.OperationalError as error:
                if "password authentication failed" in str(error):
                    self.stop()
                    raise CannotRun(
                        f"{self.data} was made with another password: restore secrets.json,"
                        f" or remove {self.folder} to begin anew"
                    ) from None
                if monotonic_seconds() > deadline:
                    self.stop()
                    raise CannotRun("PostgreSQL does not answer; see its log") from None
                sleep(POLL_SECONDS)
            else:
                return True
        return False


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _end_stranger(pid: int) -> None:
    """End a server that is not our child: fast first, at once when that takes too long."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        os.kill(pid, number)
        deadline = monotonic_seconds() + STOP_SECONDS
        while monotonic_seconds() < deadline:
            if not command_line(pid):
                return
            sleep(POLL_SECONDS)


def _one_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "error" in line.lower()] or lines
    return telling[-1] if telling else "it says nothing"
