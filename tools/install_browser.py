"""Makes sure that Debian's Chromium and a Chinese font are there; installs them when we are root.

`python tools/install_browser.py`; does nothing when both are found.
"""

import os
import shutil
import subprocess
import sys

PACKAGES = ("chromium", "fonts-noto-cjk")


def main() -> int:
    """Install what is missing; return the exit code."""
    missing = [name for name in PACKAGES if not _is_there(name)]
    if not missing:
        return 0
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return _refuse(
            f"pictures need {' and '.join(missing)}: apt-get install {' '.join(missing)}"
        )
    sys.stderr.write(f"installing {' '.join(missing)}\n")
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


def _is_there(package: str) -> bool:
    if package == "chromium":
        return shutil.which("chromium") is not None
    query = ["dpkg-query", "-W", "-f=${Status}", package]
    if shutil.which(query[0]) is None:
        return False
    found = subprocess.run(query, capture_output=True, text=True, check=False)  # noqa: S603 - as above
    return "install ok installed" in found.stdout


def _refuse(text: str) -> int:
    sys.stderr.write(text.strip() + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
