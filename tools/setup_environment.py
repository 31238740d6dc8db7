"""Makes .venv hold what the requirement files pin; does nothing when it already does.

`python3 tools/setup_environment.py run|dev`. Runs on whatever Python there is, to say what is wrong
with it; uses the standard library alone.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
FILES = {"run": ["requirements.txt"], "dev": ["requirements.txt", "requirements-dev.txt"]}


def main() -> int:
    """Set up for running, or for tests and tools; return the exit code."""
    kind = sys.argv[1] if len(sys.argv) == 2 else ""
    if kind not in FILES:
        return refuse("usage: setup_environment.py run|dev")
    if sys.version_info[:2] < OLDEST:
        found = ".".join(str(part) for part in sys.version_info[:3])
        return refuse(
            "Python 3.11 or newer is needed, this is "
            + found
            + ": install one and say PYTHON=python3.11"
        )
    VENV.mkdir(exist_ok=True)
    with (VENV / ".setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return make_venv() or install(kind)


def make_venv() -> int:
    """Make the virtual environment unless it is there and of this Python."""
    stamp, version = VENV / ".stamp-python", sys.version
    program = VENV / "bin" / "python"
    if program.exists() and (not stamp.exists() or stamp.read_text() == version):
        stamp.write_text(version)
        return 0
    say("making .venv")
    for name in ("bin", "lib", "lib64", "include"):
        path = VENV / name
        if path.is_symlink():
            path.unlink()
        elif path.exists():
            shutil.rmtree(path)
    for old in VENV.glob(".stamp-*"):
        old.unlink()
    result = call([sys.executable, "-m", "venv", str(VENV)])
    if result.returncode != 0:
        return refuse(
            "python3 cannot make a virtual environment (on Debian: apt-get install python3-venv)"
        )
    stamp.write_text(version)
    return 0


def install(kind: str) -> int:
    """Install each file whose content is not the one installed last."""
    for name in FILES[kind]:
        content = (ROOT / name).read_bytes()
        stamp, wanted = VENV / (".stamp-" + name), hashlib.sha256(content).hexdigest()
        if stamp.exists() and stamp.read_text() == wanted:
            continue
        say("installing " + name + " (a minute or two the first time)")
        command = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input"]
        # The files name everything: pip is to look for nothing else, nor for anything newer.
        command += ["--disable-pip-version-check", "--require-hashes", "--no-deps"]
        command += ["-r", str(ROOT / name)]
        result = call(command)
        if result.returncode != 0:
            return refuse(result.stdout + "installing " + name + " failed")
        stamp.write_text(wanted)
    return 0


def call(command: "list[str]") -> "subprocess.CompletedProcess[str]":
    """Run a program and keep what it writes."""
    return subprocess.run(  # noqa: S603 - our own command lines, no shell
        command,
        cwd=ROOT,
        env=dict(os.environ, PIP_ROOT_USER_ACTION="ignore"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def say(text: str) -> None:
    """Tell how far we are, where it does not mix with a command's own output."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def refuse(text: str) -> int:
    """Tell why not."""
    say(text)
    return 1


if __name__ == "__main__":
    sys.exit(main())
