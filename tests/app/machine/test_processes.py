"""The processes of a run: the end of one is the end of all, and nothing outlives its starter."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from time import sleep

import pytest

from app.machine.children import command_line, spawn
from app.machine.processes import Crew, Program
from app.machine.refusal import CannotRun
from app.stopping import Stopping
from kit.clock import monotonic_seconds
from tests.servers import ROOT

SLEEP = "import time; time.sleep(60)"
# Ends late, as a worker that finishes what it has claimed.
POLITE = """
import signal, sys, time
def end(*_):
    time.sleep(0.3); print("finished", flush=True); sys.exit(0)
signal.signal(signal.SIGTERM, end); print("up", flush=True); time.sleep(60)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN); print("up", flush=True); time.sleep(60)
"""
WITH_A_CHILD = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {SLEEP!r}]); print(child.pid, flush=True)
time.sleep(60)
"""


def program(name: str, code: str, *, stage: int = 0, finish_seconds: float = 5) -> Program:
    """Return a small program of Python."""
    command = (sys.executable, "-u", "-c", code)
    return Program(name, command, dict(os.environ), stage, finish_seconds)


def wait_for(path: Path, text: str = "") -> str:
    """Return a log's content once `text` (or anything) is in it."""
    deadline = monotonic_seconds() + 10
    while monotonic_seconds() < deadline:
        content = path.read_text()
        if content and text in content:
            return content
        sleep(0.02)
    raise AssertionError(f"{text!r} is not in {path.read_text()!r}")


def is_gone(pid: int) -> bool:
    """Say whether the process ends within a moment."""
    for _ in range(100):
        if not command_line(pid):
            return True
        sleep(0.05)
    return False


@pytest.fixture
def crew(tmp_path: Path) -> Crew:
    """Return a crew without members whose logs go to a fresh folder."""
    (tmp_path / "logs").mkdir()
    return Crew(tmp_path)


class TestCrew:
    """Started together, watched, ended together."""

    def test_says_which_one_died_and_how(self, crew: Crew) -> None:
        crew.start(program("lasting", SLEEP))
        dead = crew.start(program("brief", "import sys; print('no money'); sys.exit(3)"))
        with pytest.raises(CannotRun, match=r"brief ended with exit code 3(.|\n)*no money"):
            crew.watch_until(Stopping())
        lasting = crew.children["lasting"]
        crew.stop()
        assert not lasting.is_alive
        assert not dead.is_alive

    def test_says_which_one_was_killed(self, crew: Crew) -> None:
        child = crew.start(program("victim", SLEEP))
        os.kill(child.pid, signal.SIGKILL)
        with pytest.raises(CannotRun, match="victim ended with signal SIGKILL"):
            crew.watch_until(Stopping())
        crew.stop()

    def test_the_end_of_a_server_counts_too(self, crew: Crew, tmp_path: Path) -> None:
        server = spawn(
            "Redis",
            [sys.executable, "-c", "pass"],
            log_file=tmp_path / "log",
            environment=os.environ,
            directory=ROOT,
        )
        crew.watch([server])
        with pytest.raises(CannotRun, match="Redis ended with exit code 0"):
            crew.watch_until(Stopping())

    def test_each_finishes_what_it_has_begun(self, crew: Crew) -> None:
        polite = crew.start(program("polite", POLITE))
        assert polite.log_file is not None
        wait_for(polite.log_file, "up")
        crew.stop()
        assert polite.process.returncode == 0
        wait_for(polite.log_file, "finished")

    def test_who_does_not_end_is_killed(self, crew: Crew) -> None:
        stubborn = crew.start(program("stubborn", STUBBORN, finish_seconds=0.3))
        assert stubborn.log_file is not None
        wait_for(stubborn.log_file)
        crew.stop()
        assert stubborn.process.returncode == -signal.SIGKILL

    def test_children_of_children_end_too(self, crew: Crew) -> None:
        parent = crew.start(program("parent", WITH_A_CHILD))
        assert parent.log_file is not None
        grandchild = int(wait_for(parent.log_file, "\n"))
        crew.stop()
        assert is_gone(grandchild)

    def test_those_that_others_need_end_last(self, crew: Crew, tmp_path: Path) -> None:
        order = tmp_path / "order"
        code = POLITE.replace('print("finished", flush=True)', "open({0!r}, 'a').write({1!r})")
        first = code.format(str(order), "worker ")
        last = code.replace("time.sleep(0.3); ", "").format(str(order), "sandbox")
        for name, source, stage in (("sandbox", last, 1), ("worker", first, 0)):
            child = crew.start(program(name, source, stage=stage))
            assert child.log_file is not None
            wait_for(child.log_file, "up")
        crew.stop()
        assert order.read_text() == "worker sandbox"

    def test_ends_when_asked(self, crew: Crew) -> None:
        crew.start(program("lasting", SLEEP))
        stopping = Stopping()
        threading.Timer(0.2, stopping.set).start()
        crew.watch_until(stopping)
        crew.stop()
        assert crew.children == {}

    def test_the_log_of_the_run_before_is_kept(self, crew: Crew) -> None:
        for word in ("first", "second"):
            crew.start(program("talker", f"print({word!r})")).process.wait(10)
        assert (crew.var_dir / "logs" / "talker.log").read_text() == "second\n"
        assert (crew.var_dir / "logs" / "talker.log.1").read_text() == "first\n"


def test_kill_9_of_the_starter_ends_what_it_started(tmp_path: Path) -> None:
    code = f"""
import os, pathlib, sys, time
from app.machine.children import spawn
folder = pathlib.Path({str(tmp_path)!r})
child = spawn("one", [sys.executable, "-c", {SLEEP!r}], log_file=folder / "log",
              environment=os.environ, directory=folder)
print(child.pid, flush=True); time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        child = int(starter.stdout.readline())
        assert command_line(child)
        starter.kill()
    assert is_gone(child)
