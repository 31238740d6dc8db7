"""Makes sure that Debian's wrk is there, which loads the benchmarks of flash sales.

`python tools/install_wrk.py`; does nothing when it is found, and installs it when we are root.
"""

import shutil
import sys

from debian_packages import install

PACKAGE = "wrk"


def main() -> int:
    """Install what is missing; return the exit code."""
    missing = [] if shutil.which(PACKAGE) else [PACKAGE]
    return install(missing, need="the benchmarks of flash sales need")


if __name__ == "__main__":
    sys.exit(main())
