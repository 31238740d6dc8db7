"""Makes sure that Debian's Chromium and a Chinese font are there; installs them when we are root.

`python tools/install_browser.py`; does nothing when both are found.
"""

import shutil
import subprocess
import sys

from debian_packages import install

PACKAGES = ("chromium", "fonts-noto-cjk")


def main() -> int:
    """Install what is missing; return the exit code."""
    return install([name for name in PACKAGES if not _is_there(name)], need="pictures need")


def _is_there(package: str) -> bool:
    if package == "chromium":
        return shutil.which("chromium") is not None
    query = ["dpkg-query", "-W", "-f=${Status}", package]
    if shutil.which(query[0]) is None:
        return False
    found = subprocess.run(query, capture_output=True, text=True, check=False)  # noqa: S603 - our own words, no shell
    return "install ok installed" in found.stdout


if __name__ == "__main__":
    sys.exit(main())
