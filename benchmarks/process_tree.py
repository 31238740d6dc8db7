"""What a process and everything it started hold in memory and have computed, as Linux tells it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KIBIBYTES_PER_MEGABYTE: Final = 1024


@dataclass(frozen=True, slots=True)
class Held:
    """Megabytes: `pss` shares shared pages out among those who map them, `rss` counts them each."""

    name: str
    pss: float
    rss: float


def held_by(pid: int) -> list[Held]:
    """Return what each process of the tree below `pid` holds."""
    found = (_look(each) for each in tree(pid))
    return [held for held in found if held is not None]


def tree(pid: int) -> Iterator[int]:
    """Return the process and every process below it."""
    yield pid
    for child in _children(pid):
        yield from tree(child)


def _children(pid: int) -> list[int]:
    try:
        files = [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []  # it is gone
    return [int(child) for text in files for child in text.split()]


def _look(pid: int) -> Held | None:
    try:
        name = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return None
    sizes = {line.partition(":")[0]: int(line.split()[1]) for line in lines}
    return Held(name, sizes["Pss"] / KIBIBYTES_PER_MEGABYTE, sizes["Rss"] / KIBIBYTES_PER_MEGABYTE)


def computed_by(pid: int) -> float:
    """Return the seconds of processor time that the living processes of the tree have used."""
    return sum(map(seconds_of, tree(pid)))


def seconds_of(pid: int) -> float:
    """Return the seconds of processor time that a process has used; 0 when it is gone."""
    try:
        # The name, in brackets, may hold anything; user and system time stand 12 places after it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
