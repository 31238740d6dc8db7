"""Share pages as they were just shown, kept for a moment: a page that goes round costs no query."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kit.clock import monotonic_seconds
from shop.members.platforms import Platform
from shop.posters.drawing import Facts

KEPT_FOR_SECONDS: Final = 1.0
MOST_KEPT: Final = 1000


@dataclass(frozen=True, slots=True)
class Poster:
    """What a poster is called, and what is to be drawn on it."""

    key: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Page:
    """An invite's page, and its posters by the platform whose code they bear."""

    body: bytes
    etag: str
    posters: Mapping[Platform, Poster]


class ShareBoard:
    """Invite code → page, in this process alone; and looks that are not written down yet.

    They are written with the next page that is made here, so that a process takes at most the
    looks of its last moments with it.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._kept: dict[str, tuple[float, Page]] = {}
        self._looks: dict[str, int] = {}
        self._turn = threading.Lock()

    def peek(self, code: str) -> Page | None:
        """Return the page that was just made for the code; None when that is too long ago."""
        kept = self._kept.get(code)
        return kept[1] if kept is not None and monotonic_seconds() < kept[0] else None

    def keep(self, code: str, page: Page) -> None:
        """Show this page for a moment."""
        with self._turn:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[code] = (monotonic_seconds() + KEPT_FOR_SECONDS, page)

    def note_look(self, code: str) -> None:
        """Remember one look."""
        with self._turn:
            self._looks[code] = self._looks.get(code, 0) + 1

    def take_looks(self) -> dict[str, int]:
        """Return the looks that wait to be written down, and forget them."""
        with self._turn:
            taken, self._looks = self._looks, {}
        return taken
