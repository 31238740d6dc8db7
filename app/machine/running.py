"""A whole run: servers, schema, keys, samples, processes, readiness, and the end of all of it."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import sleep
from typing import Final

from app.machine import addresses, environment, processes, terminal
from app.machine import var_dir as folder
from app.machine.children import run_to_end, spawn
from app.machine.embedded import EmbeddedServers
from app.machine.environment import ROOT, Environment, Places
from app.machine.processes import Crew
from app.machine.refusal import CannotRun
from app.machine.secrets import ensure_local_secrets
from app.stopping import Stopping
from kit.clock import monotonic_seconds

COMMAND: Final = "flask"  # a short command, which leaves a given database as it is
READY_SECONDS: Final = 60.0
SAMPLE_SECONDS: Final = 120
MIGRATE_SECONDS: Final = 3600
POLL_SECONDS: Final = 0.1


class Interrupted(Exception):
    """The end was asked for before the start was over."""


@dataclass(frozen=True, slots=True)
class Run:
    """A machine on which everything is up."""

    places: Places
    settings: Environment
    crew: Crew
    with_sandbox: bool


@dataclass(frozen=True, slots=True)
class Ground:
    """Servers that run, and the settings of whoever uses them."""

    settings: Environment
    servers: EmbeddedServers
    with_sandbox: bool


@contextmanager
def servers_up(given: Mapping[str, str], places: Places, *, kind: str) -> Iterator[Ground]:
    """Hold VAR_DIR, have servers and schema up, make keys; yield what processes stand on."""
    with ExitStack() as stack:
        folder.prepare(places.var_dir)
        stack.enter_context(folder.hold(places.var_dir, kind=kind))
        secrets = ensure_local_secrets(places.var_dir)
        servers = EmbeddedServers(places.var_dir, given=given, secrets=secrets)
        stack.callback(servers.stop)
        urls = servers.start()
        if servers.postgres is not None or kind != COMMAND:
            migrate(urls)
        with_sandbox = bool(environment.sandboxed_groups(given))
        settings = environment.compose(
            given,
            places=places,
            servers=urls,
            secrets=secrets,
            credentials=environment.read_credentials(places, given) if with_sandbox else None,
        )
        yield Ground(settings, servers, with_sandbox)


@contextmanager
def everything_up(
    given: Mapping[str, str], stopping: Stopping, *, kind: str = "run"
) -> Iterator[Run]:
    """Start all that `make run` starts, yield when it is ready, end all of it."""
    places = Places.read(given)
    folder.require_unheld(places.var_dir)
    addresses.require_free(places.port, setting="PORT")
    addresses.require_free(places.lane_port, setting="LANE_PORT")
    if environment.sandboxed_groups(given):
        addresses.require_free(places.sandbox_port, setting="SANDBOX_PORT")
    terminal.say("starting the servers")
    with ExitStack() as stack:
        ground = stack.enter_context(servers_up(given, places, kind=kind))
        _go_on(stopping)
        run_file = places.var_dir / environment.RUN_FILE
        environment.write_run_file(places.var_dir, ground.settings)
        stack.callback(run_file.unlink, missing_ok=True)
        if environment.sandboxed_groups(given) == list(environment.GROUPS):
            # Made-up codes are for made-up money alone.
            _seed(ground.settings)
        _make_first_operator(ground.settings)
        _go_on(stopping)
        crew = Crew(places.var_dir)
        stack.callback(crew.stop)
        crew.watch(ground.servers.children)
        terminal.say("starting the processes")
        for program in processes.programs(ground.settings, with_sandbox=ground.with_sandbox):
            crew.start(program)
        _wait_until_ready(places, crew, stopping)
        yield Run(places, ground.settings, crew, ground.with_sandbox)
        terminal.say("stopping")


def migrate(urls: Mapping[str, str]) -> None:
    """Bring the schema up in a process of its own, whose memory is gone when it is done."""
    names = ("DATABASE_URL", environment.OWNER_URL)
    result = run_to_end(
        [sys.executable, "-m", "app.migrate"],
        environment=environment.command_environment({n: urls[n] for n in names if n in urls}),
        directory=ROOT,
        timeout_seconds=MIGRATE_SECONDS,
    )
    if result.returncode != 0:
        raise CannotRun(f"the schema cannot be brought up:\n{result.stdout.strip()[-2000:]}")


def run(given: Mapping[str, str]) -> None:
    """Run everything until the end is asked for; `CannotRun` when something ends by itself."""
    stopping = Stopping()
    stopping.listen()
    with everything_up(given, stopping) as up:
        terminal.say(_addresses(up))
        up.crew.watch_until(stopping)


def run_beside(given: Mapping[str, str], command: Sequence[str], *, kind: str) -> int:
    """Run everything and, once it is ready, a program; end all, and return its exit code."""
    stopping = Stopping()
    stopping.listen()
    with everything_up(given, stopping, kind=kind) as up:
        visitor = spawn(
            kind,
            command,
            log_file=None,
            environment=environment.command_environment(up.settings),
            directory=ROOT,
        )
        try:
            while visitor.is_alive:
                up.crew.check()
                if stopping.wait(POLL_SECONDS):
                    return 1
            return visitor.process.returncode
        finally:
            visitor.end(within_seconds=processes.FINISH_SECONDS)


def _go_on(stopping: Stopping) -> None:
    if stopping.is_set:
        raise Interrupted


def _seed(settings: Environment) -> None:
    """Put sample products into an empty shop."""
    result = run_to_end(
        [sys.executable, "-m", "flask", "sample", "seed"],
        environment=environment.command_environment(settings),
        directory=ROOT,
        timeout_seconds=SAMPLE_SECONDS,
    )
    if result.returncode != 0:
        raise CannotRun(f"the sample data cannot be made:\n{result.stdout.strip()[-2000:]}")


def _make_first_operator(settings: Environment) -> None:
    """Make somebody who may sign in to the console where there is nobody; tell how, this once."""
    result = run_to_end(
        [sys.executable, "-m", "flask", "operators", "first"],
        environment=environment.command_environment(settings),
        directory=ROOT,
        timeout_seconds=SAMPLE_SECONDS,
    )
    if result.returncode != 0:
        raise CannotRun(f"the first operator cannot be made:\n{result.stdout.strip()[-2000:]}")
    if result.stdout.strip():
        terminal.say("the console's first operator; these are shown only now:")
        terminal.say(result.stdout.strip())


def _wait_until_ready(places: Places, crew: Crew, stopping: Stopping) -> None:
    deadline = monotonic_seconds() + READY_SECONDS
    for url in (places.lane_url, places.web_url):
        while not addresses.answers_well(f"{url}/readyz"):
            crew.check()
            _go_on(stopping)
            if monotonic_seconds() > deadline:
                raise CannotRun(f"not ready after {READY_SECONDS:.0f} s: see {places.var_dir}/logs")
            sleep(POLL_SECONDS)


def _addresses(up: Run) -> str:
    lines = [
        f"ready          {up.places.web_url}",
        f"console        {up.places.web_url}/console",
        f"claims         {up.places.lane_url}",
        f"API document   {up.places.web_url}/docs",
    ]
    if up.with_sandbox:
        lines.append(f"sandbox        {up.places.sandbox_url}")
    lines.append(f"logs and data  {up.places.var_dir}")
    lines.append("Ctrl-C ends all of it")
    return "\n".join(lines)
