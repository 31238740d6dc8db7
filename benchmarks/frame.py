"""What a benchmark is, how large it runs, and rounds in which several ways take turns."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

from benchmarks.report import Figure

RESULTS: Final = Path(__file__).resolve().parent / "results"
ROUNDS: Final = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure; `is_quick` only shows that everything runs."""

    is_quick: bool = False
    with_profile: bool = False

    @property
    def rounds(self) -> int:
        """Return how many rounds the ways take turns."""
        return 2 if self.is_quick else ROUNDS

    def size(self, full: int, *, quick: int) -> int:
        """Return how many of something there shall be."""
        return quick if self.is_quick else full


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A measurement that yields the figures of these names."""

    names: tuple[str, ...]
    run: Callable[[Plan], Iterable[Figure]]


def interleave(ways: Mapping[str, Callable[[], float]], *, rounds: int) -> dict[str, list[float]]:
    """Measure every way once in each round, in turn forwards and backwards; no way is favoured."""
    measured: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        names = list(ways) if number % 2 == 0 else list(reversed(list(ways)))
        for name in names:
            measured[name].append(ways[name]())
    return measured


def rate(act: Callable[[], object], *, times: int) -> float:
    """Return how often per second `act` runs, one after the other."""
    started = perf_counter()
    for _ in range(times):
        act()
    return times / (perf_counter() - started)


def load_average() -> float:
    """Return how busy the machine was in the last minute, in processes that want to run."""
    return os.getloadavg()[0]
