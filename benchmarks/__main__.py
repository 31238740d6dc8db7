"""`python -m benchmarks` measures, prints a table, writes results/latest.json; 1 if one fails."""

import argparse
import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from typing import Final

from benchmarks import (
    attribution,
    campaign_edges,
    console,
    expiring,
    hot_group,
    importing,
    invites,
    joining,
    machine,
    notices,
    outreach,
    placing,
    purchase,
    reading,
)
from benchmarks.frame import RESULTS, Benchmark, Plan, load_average
from benchmarks.report import Figure, table, write
from benchmarks.sales import (
    admission,
    cluster,
    group_commit,
    known,
    opening,
    overload,
    rates,
    rush,
    steady,
)

BENCHMARKS: Final[tuple[Benchmark, ...]] = (
    placing.BENCHMARK,
    notices.BENCHMARK,
    reading.BENCHMARK,
    importing.BENCHMARK,
    purchase.BENCHMARK,
    machine.BENCHMARK,
    campaign_edges.BENCHMARK,
    joining.BENCHMARK,
    expiring.BENCHMARK,
    hot_group.BENCHMARK,
    outreach.BENCHMARK,
    rates.BENCHMARK,
    admission.BENCHMARK,
    group_commit.BENCHMARK,
    steady.BENCHMARK,
    rush.BENCHMARK,
    opening.BENCHMARK,
    known.BENCHMARK,
    overload.BENCHMARK,
    cluster.BENCHMARK,
    invites.BENCHMARK,
    attribution.BENCHMARK,
    console.BENCHMARK,
)


def main() -> int:
    """Run what ONLY selects by the beginning of its name; return 0 when every target is met."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small, to see that everything runs")
    parser.add_argument("--profile", action="store_true", help="profile the web with py-spy, too")
    given = parser.parse_args()
    only = os.environ.get("ONLY", "")
    chosen = select(BENCHMARKS, only)
    if not chosen:
        names = ", ".join(name for each in BENCHMARKS for name in each.names)
        sys.stderr.write(f"no benchmark is called {only}…; there are {names}\n")
        return 2
    _say(f"load average before: {load_average():.2f} on {os.cpu_count()} cores")
    figures, broken = run(chosen, Plan(is_quick=given.quick, with_profile=given.profile), only=only)
    write(figures, RESULTS / ("quick.json" if given.quick else "latest.json"))
    _say(f"\n{_command(only)}\n{table(figures)}")
    missed = [figure.name for figure in figures if not figure.ok]
    if missed or broken:
        _say(f"\ntargets missed: {', '.join(missed) or 'none'}; not measured: {broken}")
    return 1 if missed or broken else 0


def select(benchmarks: Sequence[Benchmark], only: str) -> list[Benchmark]:
    """Return the benchmarks of which at least one figure's name begins so."""
    return [each for each in benchmarks if any(name.startswith(only) for name in each.names)]


def run(benchmarks: Sequence[Benchmark], plan: Plan, *, only: str = "") -> tuple[list[Figure], int]:
    """Return the figures asked for, and how many benchmarks ended in an exception."""
    figures: list[Figure] = []
    broken = 0
    for each in benchmarks:
        _say(f"measuring {', '.join(each.names)}")
        try:
            for figure in each.run(plan):  # one by one: what breaks later takes none away
                figures += [figure] if figure.name.startswith(only) else []
        except Exception:
            # The others are worth having all the same.
            traceback.print_exc()
            broken += 1
    return figures, broken


def _command(only: str) -> str:
    words = [f"ONLY={only}" if only else "", f"ARGS={' '.join(sys.argv[1:])}"]
    return shlex.join(["make", "bench", *(word for word in words if word not in ("", "ARGS="))])


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
