"""The folder through which the workers of a server share their figures."""

import os
import shutil
from pathlib import Path
from typing import Final

# The library of the figures looks for it as it is imported.
FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"


def make_room(default: Path) -> None:
    """Empty the folder, whose name the workers inherit."""
    folder = Path(os.environ.setdefault(FOLDER, str(default)))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
