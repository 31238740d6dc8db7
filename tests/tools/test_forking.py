"""A fork of the house is a process like one that is started: streams, environment, end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import forking

TELL = (
    "import os, sys, tempfile; print(os.getppid(), os.getcwd(), tempfile.gettempdir(),"
    " sorted(os.environ), sys.argv[0].endswith('timeit.py'))"
)


def words(code: str) -> list[str]:
    """Return a module of Python's own that runs a line of code, and that line."""
    return ["timeit", "-n", "1", "-r", "1", "-s", code, "pass"]


class TestForked:
    def test_tells_what_a_program_tells(self, tmp_path: Path) -> None:
        environment = {"TMPDIR": str(tmp_path), "LC_ALL": "C.UTF-8"}
        forked = forking.run(words(TELL), environment=environment)
        started = subprocess.run(
            [sys.executable, "-m", *words(TELL)],
            env=environment,
            cwd=forking.ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        told = forked.stdout.splitlines()[0]
        assert told == started.stdout.splitlines()[0]
        assert told.startswith(f"{os.getpid()} {forking.ROOT} {tmp_path} ")

    @pytest.mark.parametrize(("given", "code"), [("[1]", 0), ("[", 1)])
    def test_reads_writes_and_ends_as_it_should(self, given: str, code: int) -> None:
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        forked = forking.Forked(["json.tool"], environment=os.environ, text=True, **streams)
        out, err = forked.communicate(given, timeout=20)
        assert forked.returncode == code
        assert bool(out) is (code == 0)
        assert bool(err) is (code == 1)

    def test_is_ended_by_a_signal(self, tmp_path: Path) -> None:
        code = "import time; print('here', flush=True); time.sleep(60)"
        child = forking.spawn(
            "sleeper", words(code), log_file=tmp_path / "log", environment=os.environ
        )
        assert os.getpgid(child.pid) == child.pid
        assert child.end(within_seconds=20) == -signal.SIGTERM

    def test_draws_no_random_numbers_of_another(self) -> None:
        code = "import random, uuid; print(random.random(), uuid.uuid4())"
        told = [forking.run(words(code), environment=os.environ).stdout for _ in range(2)]
        assert told[0].splitlines()[0] != told[1].splitlines()[0]
