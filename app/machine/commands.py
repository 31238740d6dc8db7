"""The commands of `python -m app.machine`: run, demo, flask, web, lane and more."""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from time import sleep
from typing import Final

from app.machine import environment, running, terminal
from app.machine import var_dir as folder
from app.machine.addresses import HOST
from app.machine.environment import ROOT, Environment, Places
from app.machine.refusal import CannotRun
from app.stopping import Stopping
from config.settings import load_settings
from kit.clock import monotonic_seconds

RUNS: Final = ("run", "demo", "screenshots")
DEMO_PAY_WITHIN_SECONDS: Final = "25"
WAIT_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; whatever stands in its way is said in a line, and the code is not 0."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    command, rest = (words[0], words[1:]) if words else ("", [])
    known: dict[str, Callable[[list[str]], int]] = {
        "run": _run,
        "demo": _demo,
        "screenshots": _screenshots,
        "flask": _flask,
        "migrate": _migrate,
        "web": _web,
        "lane": _lane,
    }
    if command not in known:
        terminal.complain(f"usage: python -m app.machine {'|'.join(known)} …")
        return 2
    try:
        return known[command](rest)
    except CannotRun as problem:
        terminal.complain(f"{command}: {problem}")
        return 1
    except running.Interrupted:
        return 130


def _run(_words: list[str]) -> int:
    running.run(os.environ)
    return 0


def _demo(words: list[str]) -> int:
    # Some members of the evening let an order lapse, and nobody wants to watch that for long.
    given = {"ORDER_PAY_WITHIN_SECONDS": DEMO_PAY_WITHIN_SECONDS, **os.environ}
    return running.run_beside(given, [sys.executable, "-m", "demo", *words], kind="demo")


def _screenshots(_words: list[str]) -> int:
    command = [sys.executable, "tools/screenshots.py"]
    return running.run_beside(os.environ, command, kind="screenshots")


def _migrate(_words: list[str]) -> int:
    """Bring the schema up: of the given database, of the run that goes on, or of our own."""
    settings: Mapping[str, str] | None = os.environ
    places = Places.read(os.environ)
    if "DATABASE_URL" not in os.environ:
        settings = _settings_of_run(places)
    if settings is None:
        with running.servers_up(os.environ, places, kind=running.COMMAND):
            return 0
    running.migrate(settings)
    return 0


def _flask(words: list[str]) -> int:
    """Run `flask …` with the settings of the run that goes on, else with servers for itself."""
    places = Places.read(os.environ)
    settings = _settings_of_run(places)
    if settings is not None:
        return _call_flask(words, settings)
    folder.prepare(places.var_dir)
    folder.wait_until_free(places.var_dir, kind=running.COMMAND, within_seconds=WAIT_SECONDS)
    # Ctrl-C ends the command; the servers are then ended in order.
    Stopping().listen()
    with running.servers_up(os.environ, places, kind=running.COMMAND) as ground:
        return _call_flask(words, ground.settings)


def _web(words: list[str]) -> int:
    """Serve the web alone; behind a proxy on another machine with `--address`."""
    # The other commands, which stay for as long as a run does, have no use for a web server.
    from app.machine import web  # noqa: PLC0415 - see above

    web.serve(load_settings(), address=_address("web", words))
    return 0


def _lane(words: list[str]) -> int:
    """Serve the claim lane alone, likewise."""
    from app.machine import lane  # noqa: PLC0415 - as the web

    lane.serve(load_settings(), address=_address("lane", words))
    return 0


def _address(program: str, words: list[str]) -> str:
    parser = argparse.ArgumentParser(prog=program)
    parser.add_argument("--address", default=HOST, help="the address to listen on")
    return str(parser.parse_args(words).address)


def _settings_of_run(places: Places) -> Environment | None:
    """Return the settings of the run that holds VAR_DIR, waiting for one that is starting."""
    deadline = monotonic_seconds() + WAIT_SECONDS
    while folder.holder_kind(places.var_dir) in RUNS:
        settings = environment.read_run_file(places.var_dir)
        if settings is not None:
            return settings
        if monotonic_seconds() > deadline:
            raise CannotRun(f"the run that holds {places.var_dir} does not become ready")
        sleep(POLL_SECONDS)
    return None


def _call_flask(words: list[str], settings: Mapping[str, str]) -> int:
    return subprocess.run(  # noqa: S603 - our own program, no shell
        [sys.executable, "-m", "flask", *words],
        env=environment.command_environment(settings),
        cwd=ROOT,
        check=False,
    ).returncode
