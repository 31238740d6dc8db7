"""A program of the product by a wrong clock: `python -m tests.faults.skewed SECONDS MODULE WORDS`.

Only the wall clock is wrong; the one that nobody can set goes on as it should.
"""

import runpy
import sys
import time
from datetime import UTC, datetime, timedelta

from app.machine.children import spawn
from app.machine.processes import programs
from kit import clock
from tests.running_shop import RunningShop
from tests.servers import ROOT


def start_skewed(shop: RunningShop, part: str, seconds: float) -> None:
    """Start a part of a shop by a clock that is so much ahead; a negative one is behind."""
    known = {program.name: program for program in programs(shop.settings, with_sandbox=False)}
    python, dash_m, *words = known[part].command
    shop.children[part] = spawn(
        part,
        [python, dash_m, "tests.faults.skewed", str(seconds), *words],
        log_file=shop.log_file(part),
        environment=known[part].environment,
        directory=ROOT,
    )


def skew(seconds: float) -> None:
    """Have everything that is imported from now on go by the wrong clock."""
    true_time = time.time
    time.time = lambda: true_time() + seconds
    clock.utc_now = lambda: datetime.now(UTC) + timedelta(seconds=seconds)


if __name__ == "__main__":
    skew(float(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
