"""A reading is shown for a moment, each key its own, and then read again."""

import pytest

from kit import kept
from kit.kept import Kept


class TestKept:
    def test_reads_once_in_a_moment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        moment = [0.0]
        monkeypatch.setattr(kept, "monotonic_seconds", lambda: moment[0])
        board: Kept[str, int] = Kept(seconds=2.0)
        readings = iter(range(10))

        def read() -> int:
            return next(readings)

        assert [board.get("a", read), board.get("a", read), board.get("b", read)] == [0, 0, 1]
        moment[0] = 1.9
        assert board.get("a", read) == 0
        moment[0] = 2.0
        assert board.get("a", read) == 2

    def test_never_grows_without_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(kept, "MOST_KEPT", 2)
        board: Kept[int, int] = Kept(seconds=60.0)
        for key in range(5):
            board.get(key, lambda: 0)
        assert len(board._kept) <= 2
