"""The unprivileged user that PostgreSQL runs as when we are root, and its way to the files."""

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Final

from app.machine.children import Account

NAME: Final = "pgserver"  # the name that the library of the embedded server uses, too
FALLBACK: Final = "nobody"


def unprivileged() -> Account | None:
    """Return whom to run PostgreSQL as: nobody else (None) unless we are root."""
    if os.geteuid() != 0:
        return None
    for name in (NAME, FALLBACK):
        if name == NAME:
            _create(name)
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    return Account(65534, 65534)


def let_through(path: Path) -> None:
    """Let other users pass (not list) the folders above `path`, where they could not."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def let_read(folder: Path) -> None:
    """Let other users read and run what a strict umask kept from them in `folder`."""
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        runnable = path.is_dir() or mode & stat.S_IXUSR
        path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if runnable else 0))


def _create(name: str) -> None:
    """Make a system user; where that is impossible, the fallback serves."""
    program = shutil.which("useradd")
    try:
        pwd.getpwnam(name)
    except KeyError:
        if program is not None:
            subprocess.run(  # noqa: S603 - a fixed name, no shell
                [program, "--system", "--no-create-home", "--shell", "/bin/false", name],
                check=False,
                capture_output=True,
            )
