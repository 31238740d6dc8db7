"""Installs packages of Debian for a tool when we are root, and else says what to install."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence


def install(missing: Sequence[str], *, need: str) -> int:
    """Install what is missing; return the exit code. `need` says what needs it."""
    if not missing:
        return 0
    names = " ".join(missing)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return _refuse(f"{need} {' and '.join(missing)}: apt-get install {names}")
    sys.stderr.write(f"installing {names}\n")
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing],
    ):
        result = subprocess.run(  # noqa: S603 - our own words, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"),
            text=True,
            check=False,
        )
        if result.returncode != 0:
            return _refuse(result.stdout[-2000:])
    return 0


def _refuse(text: str) -> int:
    sys.stderr.write(text.strip() + "\n")
    return 1
