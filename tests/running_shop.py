"""The whole product as real processes on free ports, whose parts can be killed and started."""

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import Any, Final

import requests

from app.machine import environment, processes
from app.machine.addresses import answers_well
from app.machine.children import Child, last_lines
from app.machine.environment import Places
from app.machine.processes import Program
from app.machine.secrets import ensure_local_secrets
from kit.clock import monotonic_seconds
from tests import forking
from tests.servers import WAIT_SECONDS, DatabaseServer, SandboxServer, free_port

PARTS: Final = ("web", "worker", "scheduler")
LANE: Final = "lane"
FINISH_SECONDS: Final = 8.0


class RunningShop:
    """Web, worker, scheduler and sandbox over a database of their own.

    Logs are in `folder`; `settings` overrides any setting, as `{"LOG_LEVEL": "DEBUG"}`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        database_server: DatabaseServer,
        redis_url: str,
        settings: Mapping[str, str] | None = None,
        with_lane: bool = False,
    ) -> None:
        """Make the database and the settings and start the sandbox; `start` starts the rest."""
        self.parts = (*PARTS, LANE) if with_lane else PARTS
        self.folder = folder
        self._database_server = database_server
        self.database = database_server.new_database("running_shop")
        self.owner_url = database_server.owner_url_of(self.database)
        self.database_url = database_server.app_url_of(self.database)
        self.sandbox = SandboxServer(folder / "sandbox")
        ports = (free_port(), free_port(), self.sandbox.port)
        places = Places(folder, *ports, self.sandbox.folder)
        self.url = places.web_url
        self.lane_url = places.lane_url
        self.settings = environment.compose(
            {
                "WEB_WORKERS": "1",
                "LANE_BASE_URL": places.lane_url if with_lane else "",
                **(settings or {}),
            },
            places=places,
            servers={
                "DATABASE_URL": self.database_url,
                "DATABASE_OWNER_URL": self.owner_url,
                "REDIS_URL": redis_url,
            },
            secrets=ensure_local_secrets(folder),
            credentials=self.sandbox.credentials,
        )
        self.children: dict[str, Child] = {}
        self._rests = False

    def start(self, *, parts: tuple[str, ...] | None = None) -> None:
        """Start these parts, or all, and wait until the shop is ready when all are among them."""
        chosen = self.parts if parts is None else parts
        for part in chosen:
            self.start_part(part)
        if set(PARTS) <= set(chosen):
            self.wait_until_ready()

    def start_part(
        self, part: str, *, name: str | None = None, extra: Mapping[str, str] | None = None
    ) -> Child:
        """Start one part, under another name if it is one more of its kind; `extra` environment."""
        program = self._program(part)
        _python, _dash_m, *words = program.command
        child = forking.spawn(
            part,
            words,
            log_file=self.log_file(name or part),
            environment={**program.environment, **(extra or {})},
        )
        self.children[name or part] = child
        return child

    def kill(self, name: str) -> None:
        """End a part without a warning, its own children with it."""
        child = self.children.pop(name)
        child.kill()
        child.finish(within_seconds=FINISH_SECONDS)

    def end(self, name: str) -> int:
        """Ask a part to end and return its exit code."""
        return self.children.pop(name).end(within_seconds=FINISH_SECONDS)

    def restart(self, part: str) -> None:
        """Kill a part and start it again."""
        self.kill(part)
        self.start_part(part)

    def wait_until_ready(self) -> None:
        """Return when the shop says that it is ready."""
        deadline = monotonic_seconds() + WAIT_SECONDS
        urls = [self.url, self.lane_url] if LANE in self.children else [self.url]
        while not all(answers_well(f"{url}/readyz") for url in urls):
            for name, child in self.children.items():
                assert child.is_alive, f"{name} has ended:\n{child.last_words(lines=30)}"
            assert monotonic_seconds() < deadline, f"not ready:\n{self.last_words()}"
            sleep(0.05)

    def rest(self) -> None:
        """Let nothing of it run until it is wanted again; even idle it takes much of a core."""
        if not self._rests:
            self._rests = True
            self._send_all(signal.SIGSTOP)

    def wake(self) -> None:
        """Go on after a rest; return when the shop is ready."""
        if self._rests:
            self._send_all(signal.SIGCONT)
            self._rests = False
            self.wait_until_ready()

    def request(self, method: str, path: str, **more: Any) -> requests.Response:
        """Send a request to the web."""
        more.setdefault("timeout", 15)
        return requests.request(method, self.url + path, **more)

    def flask(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run `flask …` with the shop's settings; what it wrote is in `stdout`."""
        self.wake()
        own = environment.command_environment(self.settings)
        return forking.run(["flask", *words], environment=own)

    def log_file(self, name: str) -> Path:
        """Return where a part writes; a restarted part goes on in the same file."""
        return self.folder / f"{name}.log"

    def last_words(self) -> str:
        """Return the ends of all logs, for the message of a failed test."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {log.name}\n{last_lines(log, 15)}" for log in logs)

    def stop(self) -> None:
        """End all parts and the sandbox; remove the database."""
        self._send_all(signal.SIGCONT)
        for child in self.children.values():
            child.send(signal.SIGTERM)
        for name in list(self.children):
            self.end(name)
        self.sandbox.stop()
        self._database_server.drop(self.database)

    def _send_all(self, number: signal.Signals) -> None:
        for pid in (self.sandbox.pid, *(child.pid for child in self.children.values())):
            with suppress(ProcessLookupError):
                os.killpg(pid, number)

    def _program(self, part: str) -> Program:
        known = {
            program.name: program
            for program in processes.programs(self.settings, with_sandbox=False)
        }
        return known[part]
