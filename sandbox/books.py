"""The platforms' own books in integer fen, for comparison with the merchant's."""

from collections.abc import Callable
from typing import Any

from sandbox.store import Store

Report = dict[str, list[dict[str, Any]]]


class Books:
    """Each platform registers how to report its part."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reports: dict[str, Callable[[Store], Report]] = {}

    def register(self, platform: str, report: Callable[[Store], Report]) -> None:
        """`report(store)` → e.g. `{"orders": [...], "refunds": [...]}`."""
        self._reports[platform] = report

    def all(self) -> dict[str, Report]:
        """Every platform's books."""
        return {platform: report(self._store) for platform, report in self._reports.items()}
