"""A py-spy profile of a running process, as shares of its busy time by function and by package."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PY_SPY: Final = Path(sys.executable).with_name("py-spy")
SAMPLES_PER_SECOND: Final = 200
SHOWN: Final = 70
_FRAME: Final = re.compile(r"(?P<function>.+) \((?P<file>.+?)(?::\d+)?\)")


def start(pid: int, *, seconds: float, raw_file: Path) -> "subprocess.Popen[bytes]":
    """Begin to sample a process for so long; what counts is who holds the interpreter."""
    return subprocess.Popen(
        [
            PY_SPY,
            *("record", "--gil", "--pid", str(pid), "--duration", str(int(seconds))),
            *("--rate", str(SAMPLES_PER_SECOND), "--format", "raw", "--output", raw_file),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def summary(raw_file: Path) -> str:
    """Return the shares: a function's own time with what it calls, and each package's own time."""
    inclusive: Counter[str] = Counter()
    own: Counter[str] = Counter()
    total = 0
    for frames, count in _stacks(raw_file):
        total += count
        for frame in set(frames):
            inclusive[frame] += count
        own[_package_of(frames[-1])] += count
    lines = [f"{total} samples", "", "own time by package"]
    lines += [f"{count / total:6.1%}  {name}" for name, count in own.most_common(20)]
    lines += ["", "time by function, with what it calls"]
    lines += [f"{count / total:6.1%}  {name}" for name, count in inclusive.most_common(SHOWN)]
    return "\n".join(lines) + "\n"


def _stacks(raw_file: Path) -> Iterator[tuple[list[str], int]]:
    for line in raw_file.read_text(encoding="utf-8").splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [_name_of(frame) for frame in stack.split(";")]
        yield frames, int(count)


def _name_of(frame: str) -> str:
    """Leave the line number out, so that a function is one."""
    found = _FRAME.fullmatch(frame)
    return f"{found['function']} ({found['file']})" if found else frame


def _package_of(frame: str) -> str:
    found = _FRAME.fullmatch(frame)
    path = found["file"] if found else frame
    return path.split("/")[0]
