"""Posters that were drawn: kept whole, by hashes alone, within limits."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from time import sleep

import pytest

from shop.posters import cache
from shop.posters.cache import KEPT_FOR, PosterBusy, PosterCache

KEY = "ab" * 32


class Pen:
    """Draws, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def draw(self) -> bytes:
        """Return a poster, in its time."""
        sleep(0.01)
        self.times += 1
        return b"poster"


class TestRead:
    """read: drawn once, by whoever comes first."""

    def test_draws_once_for_all_processes(self, tmp_path: Path, now: datetime) -> None:
        """Another cache over the same folder finds the file."""
        pen = Pen()
        for kept in (PosterCache(tmp_path), PosterCache(tmp_path)):
            for _ in range(2):
                assert kept.read(KEY, pen.draw, now=now) == b"poster"
        assert pen.times == 1

    @pytest.mark.parametrize(
        "key", ["../../etc/passwd", "/etc/passwd", "ab/../cd", "AB" * 32, KEY + "\n", "", KEY[:-1]]
    )
    def test_i142_only_a_hash_names_a_file(self, tmp_path: Path, now: datetime, key: str) -> None:
        """Nothing else is looked for, let alone written."""
        pen = Pen()
        with pytest.raises(ValueError, match="not a key"):
            PosterCache(tmp_path / "posters").read(key, pen.draw, now=now)
        assert list(tmp_path.rglob("*")) == []
        assert pen.times == 0

    def test_a_folder_that_cannot_be_written_costs_the_drawing(self, now: datetime) -> None:
        """The poster is given all the same, and from memory the next time."""
        kept, pen = PosterCache(Path("/dev/null/posters")), Pen()
        for _ in range(2):
            assert kept.read(KEY, pen.draw, now=now) == b"poster"
        assert pen.times == 1

    def test_a_week_old_poster_is_forgotten(self, tmp_path: Path, now: datetime) -> None:
        """With whatever name is on it; half-written files, too."""
        kept = PosterCache(tmp_path)
        for key, age in ((KEY, timedelta(days=7, seconds=1)), ("cd" * 32, timedelta(days=6))):
            kept.read(key, Pen().draw, now=now)
            written = (now - age).timestamp()
            os.utime(kept.path_of(key), (written, written))
        assert kept.forget_old(now=now) == 1
        assert [path.name for path in tmp_path.rglob("*.png")] == [kept.path_of("cd" * 32).name]
        assert PosterCache(Path("/dev/null/posters")).forget_old(now=now) == 0

    def test_no_process_shows_it_longer(self, tmp_path: Path, now: datetime) -> None:
        """Neither from memory nor from its disk, wherever the sweep runs; the file is gone."""
        kept, pen = PosterCache(tmp_path), Pen()
        for wait in (timedelta(0), KEPT_FOR):
            kept.read(KEY, pen.draw, now=now + wait)
        assert pen.times == 1
        later = now + KEPT_FOR + timedelta(seconds=1)
        for reader in (PosterCache(tmp_path), kept):
            reader.read(KEY, pen.draw, now=later)
        assert pen.times == 2
        other = f"ab{1:062x}"
        kept.read(other, pen.draw, now=later + KEPT_FOR + timedelta(seconds=1))
        assert [path.name for path in tmp_path.rglob("*.*")] == [kept.path_of(other).name]

    def test_the_oldest_give_way(
        self, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A folder does not grow for ever, and nothing half-written stays in it."""
        monkeypatch.setattr(cache, "MOST_IN_A_FOLDER", 3)
        kept = PosterCache(tmp_path)
        keys = [f"ab{number:062x}" for number in range(5)]
        for age, key in enumerate(keys):
            kept.read(key, Pen().draw, now=now)
            drawn = (now - timedelta(minutes=9 - age)).timestamp()
            os.utime(kept.path_of(key), (drawn, drawn))
        left = {path.name for path in (tmp_path / "ab").iterdir()}
        assert left == {kept.path_of(key).name for key in keys[2:]}


class TestAtOnce:
    """read, by many threads: one draws, and nobody waits long."""

    def test_many_who_want_one_have_it_drawn_once(
        self, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Those who come while it is drawn wait for it."""
        monkeypatch.setattr(cache, "WAIT_SECONDS", 20.0)
        kept, pen = PosterCache(tmp_path), Pen()
        everybody = threading.Barrier(4)

        def read() -> bytes:
            everybody.wait(timeout=20)
            return kept.read(KEY, pen.draw, now=now)

        with ThreadPoolExecutor(4) as pool:
            read_by = [pool.submit(read) for _ in range(4)]
        assert [one.result() for one in read_by] == [b"poster"] * 4
        assert pen.times == 1

    def test_whoever_would_wait_too_long_is_told_to_come_again(
        self, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is drawn already is given meanwhile."""
        monkeypatch.setattr(cache, "WAIT_SECONDS", 0.01)
        kept, pen, other = PosterCache(tmp_path), Pen(), "cd" * 32
        kept.read(KEY, pen.draw, now=now)

        def draw() -> bytes:
            with pytest.raises(PosterBusy) as refusal:
                kept.read("ef" * 32, pen.draw, now=now)
            assert refusal.value.details["retry_after_seconds"] > 0
            return kept.read(KEY, pen.draw, now=now)

        assert kept.read(other, draw, now=now) == b"poster"
        assert kept.read("ef" * 32, pen.draw, now=now) == b"poster"
