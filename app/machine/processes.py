"""The processes of a run: started together, watched, and ended together, none restarted."""

import signal
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.machine import var_dir as folder
from app.machine.children import Child, spawn
from app.machine.environment import ROOT, product_environment, sandbox_environment
from app.machine.refusal import CannotRun
from app.stopping import Stopping
from kit.clock import monotonic_seconds

WATCH_SECONDS: Final = 0.2
FINISH_SECONDS: Final = 6.0  # for requests and claimed work in progress
_BESIDE: Final = (sys.executable, "-m", "flask", "--app", "app.beside")


@dataclass(frozen=True, slots=True)
class Program:
    """A process to run; those of a lower `stage` are ended before those of a higher one."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    stage: int = 0
    finish_seconds: float = FINISH_SECONDS


def programs(settings: Mapping[str, str], *, with_sandbox: bool) -> list[Program]:
    """Return what runs on one machine beside the servers."""
    product = product_environment(settings)
    found = [
        Program("web", (sys.executable, "-m", "app.machine", "web"), product),
        Program("lane", (sys.executable, "-m", "app.machine", "lane"), product),
        Program("worker", (*_BESIDE, "worker"), product),
        Program("scheduler", (*_BESIDE, "scheduler"), product),
    ]
    if with_sandbox:
        command = (sys.executable, "-m", "sandbox")
        # The others may be asking it something to their last moment.
        own = sandbox_environment(settings)
        found.insert(0, Program("sandbox", command, own, stage=1, finish_seconds=2.0))
    return found


@dataclass
class Crew:
    """The running processes, and the servers that are watched with them."""

    var_dir: Path
    children: dict[str, Child] = field(default_factory=dict)
    _programs: dict[str, Program] = field(default_factory=dict)
    _servers: list[Child] = field(default_factory=list)

    def start(self, program: Program) -> Child:
        """Start one; its output goes to a log of its own."""
        child = spawn(
            program.name,
            program.command,
            log_file=folder.log_file(self.var_dir, program.name),
            environment=program.environment,
            directory=ROOT,
        )
        self.children[program.name] = child
        self._programs[program.name] = program
        return child

    def watch(self, servers: Iterable[Child]) -> None:
        """Count the end of these as the end of the run, too; somebody else ends them."""
        self._servers.extend(servers)

    def check(self) -> None:
        """Raise `CannotRun` that says which one has ended and how, if any has."""
        for child in (*self._servers, *self.children.values()):
            if not child.is_alive:
                raise CannotRun(_describe_end(child))

    def watch_until(self, stopping: Stopping) -> None:
        """Return when the end is asked for; `CannotRun` when a process ends by itself."""
        while not stopping.wait(WATCH_SECONDS):
            self.check()

    def stop(self) -> None:
        """End all: each gets time to finish what it has begun, then its group is killed."""
        for stage in sorted({program.stage for program in self._programs.values()}):
            names = [name for name in self.children if self._programs[name].stage == stage]
            for name in names:
                self.children[name].send(signal.SIGTERM)
            since = monotonic_seconds()
            for name in names:
                left = since + self._programs[name].finish_seconds - monotonic_seconds()
                self.children.pop(name).finish(within_seconds=left)


def _describe_end(child: Child) -> str:
    code = child.process.returncode
    how = f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
    words = child.last_words(lines=3).strip()
    return f"{child.name} ended with {how}; its log is {child.log_file}" + (
        f" and ends:\n{words}" if words else ""
    )
