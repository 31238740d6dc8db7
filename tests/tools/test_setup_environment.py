"""The set-up of .venv says in a line what is wrong with the machine."""

import subprocess
import sys

from tests.servers import ROOT

SCRIPT = ROOT / "tools" / "setup_environment.py"


def test_an_old_python_is_said_in_a_line() -> None:
    code = f"import runpy, sys; sys.version_info = (3, 9, 2); sys.argv = ['x', 'run']; \
runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        "Python 3.11 or newer is needed, this is 3.9.2: install one and say PYTHON=python3.11"
    ]


def test_no_python_at_all_is_said_in_a_line() -> None:
    result = subprocess.run(
        ["make", "setup", "PYTHON=no-such-python"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert "Python 3.11 or newer is needed as no-such-python" in result.stderr.splitlines()[0]
