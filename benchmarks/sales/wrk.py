"""wrk as a closed loop: so many connections, each asking again as soon as it has its answer."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

SCRIPT: Final = Path(__file__).with_name("claims.lua")
PATIENCE_SECONDS: Final = 30
MARK: Final = "TOLD "


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
    command = [
        *(str(program()), "--threads", "1", "--connections", str(connections)),
        *("--duration", f"{seconds}s", "--timeout", f"{PATIENCE_SECONDS}s"),
        *("--script", str(SCRIPT), url, "--", str(tokens), uuid4().hex[:16]),
    ]
    result = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    told = [line for line in result.stdout.splitlines() if line.startswith(MARK)]
    if result.returncode != 0 or not told:
        raise AssertionError(f"wrk: {result.stdout[-500:]} {result.stderr[-500:]}")
    return read(told[0].removeprefix(MARK))


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
