"""Posters that were drawn, in memory and on disk, by the hash of everything that is on them."""

import logging
import os
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

MOST_IN_MEMORY: Final = 128
# A name that was taken back must not stay on a disk; what is still shown is drawn anew.
KEPT_FOR: Final = timedelta(days=7)
MOST_IN_A_FOLDER: Final = 64  # of 256 folders: some 500 MB at most, the oldest give way
_KEY: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


class PosterCache:
    """Key → PNG. A file that cannot be read or written costs the drawing, nothing more."""

    def __init__(self, folder: Path) -> None:
        """Keep the folder, which need not be there yet."""
        self._folder = folder
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._turn = threading.Lock()

    def read(self, key: str, make: Callable[[], bytes]) -> bytes:
        """Return the poster of that key, made by `make` when nobody has it."""
        with self._turn:
            kept = self._kept.get(key)
        if kept is None:
            kept = self._read_file(key)
            if kept is None:
                kept = make()
                self._write_file(key, kept)
            self._keep(key, kept)
        return kept

    def forget_old(self, *, now: datetime) -> int:
        """Remove what was drawn a week ago and return how many there were."""
        gone = 0
        for path in self._folder.glob("??/*"):
            try:
                if path.stat().st_mtime < (now - KEPT_FOR).timestamp():
                    path.unlink()
                    gone += 1
            except OSError:
                continue  # another process was faster
        return gone

    def path_of(self, key: str) -> Path:
        """Return where the poster is kept; only a hash names a file, `ValueError` otherwise."""
        if not _KEY.fullmatch(key):
            raise ValueError("not a key")
        return self._folder / key[:2] / f"{key[2:]}.png"

    def _keep(self, key: str, poster: bytes) -> None:
        with self._turn:
            self._kept[key] = poster
            while len(self._kept) > MOST_IN_MEMORY:
                self._kept.popitem(last=False)

    def _read_file(self, key: str) -> bytes | None:
        try:
            return self.path_of(key).read_bytes()
        except OSError:
            return None

    def _write_file(self, key: str, poster: bytes) -> None:
        path = self.path_of(key)
        # Whole or not at all: another process may be reading.
        fresh = path.with_name(f".{secrets.token_hex(8)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(poster)
            fresh.replace(path)
            self._make_room(path.parent)
        except OSError as problem:
            log.warning("a poster cannot be kept", extra={"error": type(problem).__name__})

    def _make_room(self, folder: Path) -> None:
        files = [(entry.stat().st_mtime, entry.path) for entry in os.scandir(folder)]
        for _, path in sorted(files)[: max(0, len(files) - MOST_IN_A_FOLDER)]:
            Path(path).unlink(missing_ok=True)
