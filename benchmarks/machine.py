"""`make run` as a whole: how long until it is ready, and what it holds when it is idle."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, sleep
from typing import Final

from app.machine import environment
from app.machine.addresses import answers_well
from app.machine.environment import ROOT
from benchmarks.frame import Benchmark, Plan
from benchmarks.ground import places_given
from benchmarks.process_tree import Held, held_by
from benchmarks.report import Figure, alone

FIRST: Final = "spine.first_start"
SECOND: Final = "spine.second_start"
MEMORY: Final = "spine.idle_memory"
WAIT_SECONDS: Final = 120.0
END_SECONDS: Final = 30.0
SETTLE_SECONDS: Final = 15


def run(plan: Plan) -> Iterable[Figure]:
    """Start in an empty folder, end, start again there, and look at the memory."""
    first: list[float] = []
    second: list[float] = []
    pss: list[float] = []
    rss: list[float] = []
    for _ in range(plan.size(5, quick=1)):
        with _folder() as folder:
            with _running(folder) as (seconds, _):
                first.append(seconds)
            with _running(folder) as (seconds, pid):
                second.append(seconds)
                sleep(plan.size(SETTLE_SECONDS, quick=1))
                held = held_by(pid)
        pss.append(sum(each.pss for each in held))
        rss.append(sum(each.rss for each in held))
    print(_listing(held))
    yield alone(
        FIRST, first, unit="s", note="`make run` with .venv there and an empty VAR_DIR, to /readyz"
    )
    yield alone(SECOND, second, unit="s", below=10, note="the same once more in that VAR_DIR")
    yield alone(
        MEMORY,
        pss,
        unit="MB",
        below=700,
        note=f"PSS of the {len(held)} processes of `make run`, {SETTLE_SECONDS} s after it is"
        f" ready; their RSS is {sum(rss) / len(rss):.0f} MB",
    )


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="tuanka-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(folder: Path) -> Iterator[tuple[float, int]]:
    """Yield the seconds that `make run` took to be ready, and its process id; end it as Ctrl-C."""
    given = places_given(folder)
    started = perf_counter()
    with (folder / "make.log").open("ab") as log:
        process = subprocess.Popen(
            ["make", "run"],  # noqa: S607 - whichever make there is
            cwd=ROOT,
            env=_surroundings() | given,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(process, f"http://127.0.0.1:{given['PORT']}/readyz", folder)
        yield perf_counter() - started, process.pid
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(END_SECONDS)


def _surroundings() -> dict[str, str]:
    """Return the environment without settings, and without what `make bench` tells its children."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return environment.surroundings(given)


def _wait(process: "subprocess.Popen[bytes]", url: str, folder: Path) -> None:
    deadline = perf_counter() + WAIT_SECONDS
    while not answers_well(url):
        if process.poll() is not None or perf_counter() > deadline:
            raise AssertionError((folder / "make.log").read_text())
        sleep(0.02)


def _listing(held: list[Held]) -> str:
    ordered = sorted(held, key=lambda each: each.pss, reverse=True)
    return "\n".join(f"  {each.pss:6.1f} MB  {each.name[:80]}" for each in ordered)


BENCHMARK: Final = Benchmark((FIRST, SECOND, MEMORY), run)
