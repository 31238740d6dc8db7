"""Posters that were drawn, in memory and on disk, by the hash of everything that is on them."""

import logging
import os
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from kit.errors import Unavailable

log = logging.getLogger(__name__)

WAIT_SECONDS: Final = 0.2  # for one's turn to draw; a wave of new ones may not hold every thread
RETRY_AFTER_SECONDS: Final = 2
MOST_IN_MEMORY: Final = 128
# A name that was taken back must not stay on a disk; what is still shown is drawn anew.
KEPT_FOR: Final = timedelta(days=7)
MOST_IN_A_FOLDER: Final = 64  # of 256 folders: some 500 MB at most, the oldest give way
_KEY: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


class PosterBusy(Unavailable):
    """Others are being drawn; the page has its QR code without the poster."""

    code = "posters.busy"
    title = "Posters are being drawn, try again shortly"
    message = "海报生成中，请稍后再试"


class PosterCache:
    """Key → PNG. A file that cannot be read or written costs the drawing, nothing more."""

    def __init__(self, folder: Path) -> None:
        """Keep the folder, which need not be there yet."""
        self._folder = folder
        self._kept: OrderedDict[str, tuple[datetime, bytes]] = OrderedDict()
        self._turn = threading.Lock()
        self._drawing = threading.Lock()

    def read(self, key: str, make: Callable[[], bytes], *, now: datetime) -> bytes:
        """Return the poster of that key, made by `make` when nobody has it, or for too long.

        One is drawn at a time. Raises `PosterBusy` rather than keep a thread of the web waiting.
        """
        kept = self._find(key, now=now)
        if kept is not None:
            return kept
        if not self._drawing.acquire(timeout=WAIT_SECONDS):
            raise PosterBusy(retry_after_seconds=RETRY_AFTER_SECONDS)
        try:
            # Many ask for the same one at the same moment: the first has drawn it for all.
            kept = self._find(key, now=now)
            if kept is None:
                kept = make()
                self._write_file(key, kept, now=now)
                self._keep(key, now, kept, now=now)
            return kept
        finally:
            self._drawing.release()

    def forget_old(self, *, now: datetime) -> int:
        """Remove what was drawn a week ago and return how many there were."""
        gone = 0
        for path in self._folder.glob("??/*"):
            try:
                if _is_old(_drawn_at(path.stat()), now=now):
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

    def _find(self, key: str, *, now: datetime) -> bytes | None:
        with self._turn:
            kept = self._kept.get(key)
        if kept is not None and not _is_old(kept[0], now=now):
            return kept[1]
        found = self._read_file(key, now=now)
        if found is None:
            return None
        self._keep(key, *found, now=now)
        return found[1]

    def _keep(self, key: str, drawn_at: datetime, poster: bytes, *, now: datetime) -> None:
        with self._turn:
            self._kept[key] = drawn_at, poster
            for old in [one for one, (at, _) in self._kept.items() if _is_old(at, now=now)]:
                del self._kept[old]
            while len(self._kept) > MOST_IN_MEMORY:
                self._kept.popitem(last=False)

    def _read_file(self, key: str, *, now: datetime) -> tuple[datetime, bytes] | None:
        """Return a poster and when it was drawn; one that is too old is no more.

        The sweep that forgets them may run where this disk is not.
        """
        path = self.path_of(key)
        try:
            drawn_at = _drawn_at(path.stat())
            if _is_old(drawn_at, now=now):
                path.unlink()
                return None
            return drawn_at, path.read_bytes()
        except OSError:
            return None

    def _write_file(self, key: str, poster: bytes, *, now: datetime) -> None:
        path = self.path_of(key)
        # Whole or not at all: another process may be reading.
        fresh = path.with_name(f".{secrets.token_hex(8)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(poster)
            os.utime(fresh, (now.timestamp(), now.timestamp()))
            fresh.replace(path)
            self._make_room(path.parent, now=now)
        except OSError as problem:
            log.warning("a poster cannot be kept", extra={"error": type(problem).__name__})

    def _make_room(self, folder: Path, *, now: datetime) -> None:
        """Remove what is too old, and the oldest of what is too much."""
        files = sorted((_drawn_at(entry.stat()), entry.path) for entry in os.scandir(folder))
        too_many = max(0, len(files) - MOST_IN_A_FOLDER)
        for place, (drawn_at, path) in enumerate(files):
            if place < too_many or _is_old(drawn_at, now=now):
                Path(path).unlink(missing_ok=True)


def _drawn_at(status: os.stat_result) -> datetime:
    return datetime.fromtimestamp(status.st_mtime, UTC)


def _is_old(drawn_at: datetime, *, now: datetime) -> bool:
    return drawn_at < now - KEPT_FOR
