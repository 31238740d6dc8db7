"""The folder that holds everything of one machine, used by one run at a time."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep
from typing import Final, TextIO

from app.machine.refusal import CannotRun
from kit.clock import monotonic_seconds

LOCK_FILE: Final = "run.lock"
LOGS: Final = "logs"
POLL_SECONDS: Final = 0.1


def prepare(var_dir: Path) -> None:
    """Make the folder; `CannotRun` when it cannot be written."""
    try:
        for folder in (var_dir, var_dir / LOGS):
            folder.mkdir(parents=True, exist_ok=True)
        probe = var_dir / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CannotRun(f"VAR_DIR {var_dir} cannot be written: {error.strerror}") from None
    # Others may pass through, which the database's own user needs; they may not look around.
    with suppress(PermissionError):
        var_dir.chmod(0o711)


def log_file(var_dir: Path, name: str) -> Path:
    """Return a fresh log for a process; the one of the run before is kept beside it."""
    path = var_dir / LOGS / f"{name}.log"
    if path.exists():
        path.replace(path.with_suffix(".log.1"))
    path.touch(mode=0o640)
    return path


@contextmanager
def hold(var_dir: Path, *, kind: str) -> Iterator[None]:
    """Keep the folder to ourselves; `CannotRun` when another run has it."""
    with (var_dir / LOCK_FILE).open("a+", encoding="utf-8") as file:
        if not _lock(file):
            raise CannotRun(_in_use(var_dir, _holder(file)))
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "kind": kind}))
        file.flush()
        yield


def require_unheld(var_dir: Path) -> None:
    """Raise `CannotRun` when another run has the folder; make nothing when there is none."""
    holder = _current_holder(var_dir)
    if holder is not None:
        raise CannotRun(_in_use(var_dir, holder))


def holder_kind(var_dir: Path) -> str | None:
    """Return the kind of run that holds the folder now, None when nobody does."""
    holder = _current_holder(var_dir)
    return None if holder is None else str(holder["kind"])


def wait_until_free(var_dir: Path, *, kind: str, within_seconds: float) -> None:
    """Wait for a short command of the kind that holds the folder to end."""
    deadline = monotonic_seconds() + within_seconds
    while holder_kind(var_dir) == kind:
        if monotonic_seconds() > deadline:
            raise CannotRun(f"another `{kind}` has held {var_dir} for {within_seconds:.0f} s")
        sleep(POLL_SECONDS)


def _current_holder(var_dir: Path) -> dict[str, object] | None:
    try:
        file = (var_dir / LOCK_FILE).open("r+", encoding="utf-8")
    except OSError:
        return None
    with file:
        return None if _lock(file) else _holder(file)


def _in_use(var_dir: Path, holder: dict[str, object]) -> str:
    return (
        f"VAR_DIR {var_dir} is in use by another `{holder['kind']}` (process {holder['pid']}):"
        " end it, or set VAR_DIR, PORT and SANDBOX_PORT"
    )


def _lock(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: TextIO) -> dict[str, object]:
    file.seek(0)
    try:
        found = json.loads(file.read())
    except ValueError:
        found = {}
    return {"kind": found.get("kind", "run"), "pid": found.get("pid", "?")}
