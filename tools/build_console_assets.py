"""Makes the console's vendored files from npm: Tabler without what no page uses, htmx, ECharts.

`python tools/build_console_assets.py`; the versions and their hashes are in
tools/console_assets/package-lock.json. Run it after a template uses a new class of Tabler's.
"""

import gzip
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "tools" / "console_assets"
STATIC = ROOT / "console" / "static"
TESTS = ROOT / "tests" / "console" / "vendored"
AXE = HERE / "node_modules" / "axe-core"
HTMX = HERE / "node_modules" / "htmx.org"
ECHARTS = HERE / "node_modules" / "echarts"


def main() -> int:
    """Install what is pinned, and write the files; return the exit code."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        sys.stderr.write("npm and node are needed to make the console's vendored files\n")
        return 1
    call([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"])
    (STATIC / "tabler.css").write_text(call([node, "purge.mjs"]), encoding="utf-8")
    shutil.copyfile(HTMX / "dist" / "htmx.min.js", STATIC / "htmx.js")
    shutil.copyfile(HTMX / "LICENSE", STATIC / "htmx.LICENSE")
    # Bars and lines on a canvas, which is the smallest of its builds; only reports load it.
    shutil.copyfile(ECHARTS / "dist" / "echarts.simple.min.js", STATIC / "echarts.js")
    terms = (ECHARTS / "LICENSE").read_text(), (ECHARTS / "NOTICE").read_text()
    (STATIC / "echarts.LICENSE").write_text("".join(terms), encoding="utf-8")
    # What checks the pages in tests; it is served to nobody.
    packed = gzip.compress((AXE / "axe.min.js").read_bytes(), 9, mtime=0)
    (TESTS / "axe.min.js.gz").write_bytes(packed)
    shutil.copyfile(AXE / "LICENSE", TESTS / "axe.LICENSE")
    return 0


def call(command: list[str]) -> str:
    """Run a program beside the pinned versions and return what it writes."""
    done = subprocess.run(  # noqa: S603 - our own words, no shell
        command, cwd=HERE, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
