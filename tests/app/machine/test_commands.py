"""`python -m app.machine …` as a person meets it: one clear line, a code that is not 0."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.machine import var_dir
from tests.servers import ROOT, free_port


def run(*words: str, **given: str) -> "subprocess.CompletedProcess[str]":
    """Run a command with these settings and return how it ended."""
    names = ("PORT", "LANE_PORT", "SANDBOX_PORT")
    ports = {name: str(free_port()) for name in names}
    return subprocess.run(
        [sys.executable, "-m", "app.machine", *words],
        cwd=ROOT,
        env={**os.environ, **ports, **given},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def assert_one_line(result: "subprocess.CompletedProcess[str]", *words: str) -> None:
    """The command ended with a code that is not 0 and one line on standard error."""
    assert result.returncode not in {0, None}
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize("setting", ["PORT", "LANE_PORT", "SANDBOX_PORT"])
def test_a_port_in_use_is_said_in_a_line(tmp_path: Path, setting: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = run("run", VAR_DIR=str(tmp_path / "var"), **{setting: port})
    assert_one_line(result, f"port {port} is in use", setting)
    assert not (tmp_path / "var").exists()


def test_a_var_dir_that_cannot_be_written_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file, not a folder")
    for command in (["run"], ["flask", "audit"]):
        assert_one_line(run(*command, VAR_DIR=str(tmp_path / "var")), "VAR_DIR", "be written")


def test_a_second_run_is_refused(tmp_path: Path) -> None:
    var_dir.prepare(tmp_path)
    with var_dir.hold(tmp_path, kind="run"):
        result = run("run", VAR_DIR=str(tmp_path))
    assert_one_line(result, "in use by another `run`", str(os.getpid()))


def test_a_server_that_does_not_start_is_said_in_a_line(tmp_path: Path) -> None:
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")
    assert_one_line(run("run", VAR_DIR=str(tmp_path)), "is of PostgreSQL 9")


def test_an_unknown_command_is_said_in_a_line() -> None:
    assert_one_line(run("fly"), "usage")


class TestHold:
    """One run at a time in a folder."""

    def test_is_over_when_its_holder_is_killed(self, tmp_path: Path) -> None:
        var_dir.prepare(tmp_path)
        code = (
            "import pathlib, sys, time\n"
            "from app.machine import var_dir\n"
            "with var_dir.hold(pathlib.Path(sys.argv[1]), kind='run'):\n"
            "    print('held', flush=True); time.sleep(60)\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            assert var_dir.holder_kind(tmp_path) == "run"
            holder.send_signal(signal.SIGKILL)
        assert var_dir.holder_kind(tmp_path) is None

    def test_nobody_holds_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        assert var_dir.holder_kind(tmp_path / "nowhere") is None
