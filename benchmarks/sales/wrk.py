"""wrk, which asks in a closed loop as often as it is answered, or in an open one when it is due."""

import json
import shutil
import signal
import subprocess
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from time import time
from typing import Any, Final
from uuid import uuid4

from benchmarks.sales.open_loop import Hit

SCRIPT: Final = Path(__file__).with_name("claims.lua")
SCHEDULE: Final = Path(__file__).with_name("schedule.lua")
PATIENCE_SECONDS: Final = 30
MARK: Final = "TOLD "
HIT: Final = "HIT "
ALL: Final = "ALL"
OPEN_LOOP: Final = (
    "; an open loop, each claim timed from the moment at which it was due; wrk by"
    " benchmarks/sales/schedule.lua shares the two cores with lane, Redis and PostgreSQL; load"
    " average {load:.1f}"
)
# wrk looks through all timers of a thread each time: several have shorter lists.
SCHEDULE_THREADS: Final = 4
# After the last is due; whoever is not answered by then makes the whole run void.
ANSWERED_WITHIN_SECONDS: Final = 30


class NoLoadGenerator(Exception):
    """The program is missing; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a run came to: `good` are the answers below 400, milliseconds are wrk's own."""

    requests: int
    good: int
    seconds: float
    lost: int  # connections that failed, and answers that did not come
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        """Return the answers per second, whatever they say."""
        return self.requests / self.seconds


def program() -> Path:
    """Return where wrk is; `NoLoadGenerator` when it is nowhere."""
    found = shutil.which("wrk")
    if found is None:
        raise NoLoadGenerator("wrk is missing: python tools/install_wrk.py, or apt-get install wrk")
    return Path(found)


def ask(url: str, tokens: Path, *, connections: int, seconds: int) -> Answered:
    """Claim a unit with one token of the file after the other, each time under a key of its own."""
    way = ("--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s")
    told = _run(SCRIPT, *way, url, "--", str(tokens), uuid4().hex[:16], mark=MARK)
    return read(told[0])


def fire(url: str, schedule: Path, *, start: float, ends: float, connections: int) -> list[Hit]:
    """Send each claim of the file when it is due; return the answers in the order of the dues.

    Its lines have a due and a token each; `start`, from which dues count, and `ends`, when the last
    of them is, are seconds since 1970. `TimeoutError` when not all are answered.
    """
    seconds = ceil(ends - time() + ANSWERED_WITHIN_SECONDS)
    way = (
        *("--threads", str(SCHEDULE_THREADS), "--connections", str(connections)),
        *("--duration", f"{seconds}s"),
    )
    more = (str(schedule), f"{start:.6f}", str(SCHEDULE_THREADS), uuid4().hex[:16])
    lines = _run(SCHEDULE, *way, url, "--", *more, mark=HIT)
    hits = {
        number: Hit(status, took / 1_000_000, b"")
        for number, status, took in (map(int, line.split()) for line in lines)
    }
    due = len(schedule.read_text(encoding="ascii").splitlines())
    if len(lines) != due or len(hits) != due:
        raise TimeoutError(f"{len(hits)} of {due} are answered, by {len(lines)} answers")
    return [hits[number] for number in range(due)]


def _run(script: Path, *words: str, mark: str) -> list[str]:
    """Return the lines that the script has marked, without their marks.

    wrk lasts as long as it is told to; it is ended as soon as all its threads say that all is told.
    """
    command = [str(program()), "--timeout", f"{PATIENCE_SECONDS}s", "--script", str(script), *words]
    lines: list[str] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            if lines[-1] == ALL and lines.count(ALL) == SCHEDULE_THREADS:
                process.send_signal(signal.SIGINT)
    told = [line.removeprefix(mark) for line in lines if line.startswith(mark)]
    if process.returncode != 0 or not told:
        raise AssertionError(f"wrk: {' '.join(lines[-20:])}")
    return told


def read(text: str) -> Answered:
    """Return what the script has written at the end of a run."""
    told: dict[str, Any] = json.loads(text)
    return Answered(
        requests=told["requests"],
        good=told["requests"] - told["refused"],
        seconds=told["microseconds"] / 1_000_000,
        lost=told["lost"],
        p50_ms=told["p50"] / 1000,
        p99_ms=told["p99"] / 1000,
    )
