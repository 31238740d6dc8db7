"""Importing a file of codes by the operator's own command, with its time and its memory."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter
from typing import Final

from sqlalchemy import func, select

from app.machine import environment
from app.machine.environment import ROOT
from benchmarks.frame import Benchmark, Plan
from benchmarks.ground import Site, ground
from benchmarks.people import make_stock
from benchmarks.report import Figure, alone
from shop.cards.models import Card
from shop.catalog.models import Sku
from shop.ports import Ports

SECONDS: Final = "cards.import_100k"
MEMORY: Final = "cards.import_100k_memory"
CODES: Final = 100_000
NOTE: Final = (
    "`flask cards import` of a CSV file of {codes:,} codes with passwords, from start to end"
)


def run(plan: Plan) -> Iterable[Figure]:
    """Import a fresh file in each round."""
    codes = plan.size(CODES, quick=1_000)
    seconds: list[float] = []
    peaks: list[float] = []
    with ground() as site:
        ports = site.ports()
        for _ in range(plan.size(3, quick=1)):
            sku = make_stock(ports, 0)
            file = _write_file(site.folder, codes)
            took, peak = _import(site, file, sku)
            if _count(ports, sku) != codes:
                raise AssertionError("not every code was imported")
            seconds.append(took)
            peaks.append(peak)
    note = NOTE.format(codes=codes)
    yield alone(SECONDS, seconds, unit="s", below=60, note=note)
    yield alone(MEMORY, peaks, unit="MB", below=300, note=f"{note}: peak resident memory")


def _write_file(folder: Path, codes: int) -> Path:
    file = folder / f"{secrets.token_hex(4)}.csv"
    with file.open("w", encoding="utf-8") as out:
        out.write("code,password\n")
        for _ in range(codes):
            out.write(f"{secrets.token_hex(8).upper()},{secrets.randbelow(10**6):06}\n")
    return file


def _import(site: Site, file: Path, sku: Sku) -> tuple[float, float]:
    """Return the seconds and the megabytes that the command took."""
    log = (site.folder / "import.log").open("wb")
    with log:
        started = perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "flask", "cards", "import", str(file), "--sku", str(sku.id)],
            env=environment.command_environment(site.environment),
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
        took = perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise AssertionError((site.folder / "import.log").read_text())
    return took, used.ru_maxrss / 1024


def _count(ports: Ports, sku: Sku) -> int:
    with ports.begin() as session:
        return session.scalar(select(func.count()).where(Card.sku_id == sku.id)) or 0


BENCHMARK: Final = Benchmark((SECONDS, MEMORY), run)
