"""A program of the product by a wrong clock: `python -m tests.faults.skewed SECONDS MODULE WORDS`.

Only the wall clock is wrong; the one that nobody can set goes on as it should.
"""

import runpy
import sys
import time
from datetime import UTC, datetime, timedelta

from kit import clock


def skew(seconds: float) -> None:
    """Have everything that is imported from now on go by the wrong clock."""
    true_time = time.time
    time.time = lambda: true_time() + seconds
    clock.utc_now = lambda: datetime.now(UTC) + timedelta(seconds=seconds)


if __name__ == "__main__":
    skew(float(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
