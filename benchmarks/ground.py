"""Servers as `make run` has them, durable and all, in a folder of their own that is gone after."""

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep
from typing import Any, Final

import requests

from app.machine import environment, processes, running
from app.machine.addresses import answers_well
from app.machine.embedded import APP_ROLE, DATABASE, EmbeddedServers
from app.machine.environment import Environment, Places
from app.machine.postgres import Postgres
from app.machine.processes import Crew, Program
from app.machine.secrets import APP_PASSWORD, ensure_local_secrets
from app.metrics import SHARED_DIRECTORY
from app.migrate import migrate
from app.wiring import make_ports
from benchmarks.beside_constant import SIZE as CONSTANT_SIZE
from config.settings import Settings, load_settings
from kit.clock import monotonic_seconds
from shop.ports import Ports

KIND: Final = "bench"
MAIN_DATABASE: Final = DATABASE
WAIT_SECONDS: Final = 60.0
CONNECTIONS: Final = 4
# All requests come from one address, of a few members: the limits are counted and never reached.
NO_LIMITS: Final = {
    "LIMITS__READS_PER_MINUTE": "100000000",
    "LIMITS__WRITES_PER_MINUTE": "100000000",
    "LIMITS__SIGN_INS_PER_MINUTE": "100000000",
    "LIMITS__REVEALS_PER_MINUTE": "100000000",
}


@dataclass
class Site:
    """PostgreSQL and Redis that run, the settings of whoever uses them, and processes on them."""

    folder: Path
    places: Places
    environment: Environment
    postgres: Postgres
    servers: EmbeddedServers
    crew: Crew = field(repr=False)

    def settings(self, **changed: Any) -> Settings:
        """Return the product's settings, some of them changed."""
        return read_settings(self.environment).model_copy(update=changed)

    def ports(self, **changed: Any) -> Ports:
        """Return the outside world for this process, with some settings changed."""
        return make_ports(self.settings(**changed), connections=CONNECTIONS, name="tuanka-bench")

    def new_database(self, name: str) -> str:
        """Make another database of the same schema and return its URL for the application."""
        password = ensure_local_secrets(self.folder)[APP_PASSWORD]
        self.postgres.ensure_database(name)
        url = self.postgres.url(name, role=APP_ROLE, password=password)
        migrate(self.postgres.url(name), url)
        return url

    def start_sandbox(self) -> None:
        """Start the simulated platforms."""
        self._start(self._program("sandbox"), f"{self.places.sandbox_url}/healthz")

    def start_web(self, workers: int) -> None:
        """Start the web as the product does."""
        web = self._program("web")
        more = {"WEB_WORKERS": str(workers)}
        program = Program(web.name, web.command, {**web.environment, **more})
        self._start(program, f"{self.places.web_url}/healthz")

    def start_web_without_rsa(self, workers: int) -> str:
        """Start a second web that signs and verifies nothing, and return its address."""
        return self._start_other_web("without_rsa", workers)

    def start_web_beside_constant(self, workers: int, size: int) -> str:
        """Start a web that serves a constant of so many bytes, too, and return its address."""
        return self._start_other_web("beside_constant", workers, {CONSTANT_SIZE: str(size)})

    def _start_other_web(
        self, module: str, workers: int, more: Mapping[str, str] | None = None
    ) -> str:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        given = {
            "PORT": str(port),
            "PUBLIC_BASE_URL": url,
            "WEB_WORKERS": str(workers),
            SHARED_DIRECTORY: str(self.folder / f"figures-{module}"),
            **(more or {}),
        }
        web = self._program("web")
        command = (sys.executable, "-m", f"benchmarks.{module}")
        self._start(Program(module, command, {**web.environment, **given}), f"{url}/healthz")
        return url

    def start_beside(self) -> None:
        """Start worker and scheduler."""
        for name in ("worker", "scheduler"):
            self.crew.start(self._program(name))

    def start_schedulers(self, count: int) -> None:
        """Start several schedulers, none of which knows of the others."""
        one = self._program("scheduler")
        for number in range(1, count + 1):
            name = f"scheduler-{number}"
            self.crew.start(Program(name, one.command, one.environment))

    def process_ids(self) -> dict[str, int]:
        """Return the first process of everything that runs here, by its name."""
        running_now = [*self.crew.children.values(), *self.servers.children]
        return {child.name: child.pid for child in running_now}

    def tell_sandbox(self, path: str, **body: Any) -> dict[str, Any]:
        """Use a switch of the sandbox and return its answer."""
        answer = requests.post(f"{self.places.sandbox_url}/sandbox/{path}", json=body, timeout=10)
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content

    def _program(self, name: str) -> Program:
        found = processes.programs(self.environment, with_sandbox=True)
        return next(program for program in found if program.name == name)

    def _start(self, program: Program, url: str) -> None:
        self.crew.start(program)
        deadline = monotonic_seconds() + WAIT_SECONDS
        while not answers_well(url):
            self.crew.check()
            if monotonic_seconds() > deadline:
                raise TimeoutError(f"{program.name} does not answer")
            sleep(0.05)


@contextmanager
def ground(**settings: str) -> Iterator[Site]:
    """Yield a site of its own; nothing of the environment's settings is taken over."""
    folder = Path(tempfile.mkdtemp(prefix="tuanka-bench-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        given = places_given(folder) | NO_LIMITS | settings
        places = Places.read(given)
        up = stack.enter_context(running.servers_up(given, places, kind=KIND))
        crew = Crew(folder)
        stack.callback(crew.stop)
        if up.servers.postgres is None:
            raise RuntimeError("the servers are not ours")
        yield Site(folder, places, up.settings, up.servers.postgres, up.servers, crew)


def places_given(folder: Path) -> dict[str, str]:
    """Return the settings of a machine that lives in `folder`, on ports that are free."""
    return {
        "VAR_DIR": str(folder),
        "PORT": str(free_port()),
        "LANE_PORT": str(free_port()),
        "SANDBOX_PORT": str(free_port()),
        "SANDBOX_QUIET": "1",
    }


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def read_settings(given: Mapping[str, str]) -> Settings:
    """Return the settings that a process with this environment would read."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment.command_environment(given))
    try:
        return load_settings()
    finally:
        os.environ.clear()
        os.environ.update(before)
