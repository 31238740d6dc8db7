"""A named place kills the process when the environment says so, and does nothing else ever."""

import os
import signal
import subprocess
import sys

import pytest

from kit.faultpoints import VARIABLE, faultpoint
from tests.servers import ROOT

PROGRAM = """
from kit.faultpoints import faultpoint
for number in range(3):
    faultpoint("elsewhere")
    print(number, flush=True)
    faultpoint("here")
"""


def run(wanted: str | None) -> "subprocess.CompletedProcess[str]":
    """Run a program that passes two places three times."""
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment if wanted is None else environment | {VARIABLE: wanted},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


class TestFaultpoint:
    @pytest.mark.parametrize(
        ("wanted", "passed"), [("here", 1), ("here:1", 1), ("here:3", 3), ("elsewhere:2", 1)]
    )
    def test_j149_kills_at_the_named_passage(self, wanted: str, passed: int) -> None:
        ended = run(wanted)
        assert ended.returncode == -signal.SIGKILL
        assert ended.stdout.split() == [str(number) for number in range(passed)]

    @pytest.mark.parametrize("wanted", [None, "", "her", "here.too", "here:4"])
    def test_does_nothing_otherwise(self, wanted: str | None) -> None:
        ended = run(wanted)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout.split() == ["0", "1", "2"]

    def test_counts_each_place_in_the_running_process(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        killed: list[tuple[int, int]] = []
        monkeypatch.setattr(os, "kill", lambda pid, number: killed.append((pid, number)))
        monkeypatch.setenv(VARIABLE, "test.counting:2")
        for _ in range(3):
            faultpoint("test.counting")
            faultpoint("test.other")
        assert killed == [(os.getpid(), signal.SIGKILL)]
        monkeypatch.delenv(VARIABLE)
        faultpoint("test.counting")
        assert len(killed) == 1
