"""The database's clock, kept in step: the machine's own clock may say what it likes (J156)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from kit import database_clock
from kit.clock import utc_now
from kit.database_clock import COMPARE_EVERY_SECONDS, DatabaseClock
from kit.db import Begin

START = datetime(2024, 6, 18, 12, 0, tzinfo=UTC)


class FakeDatabase:
    """A database in whose world time passes with ours, answers late, or is out."""

    def __init__(self) -> None:
        self.seconds = 0.0  # of the clock that nobody can set
        self.offset = timedelta(0)  # of the database's clock, should somebody set that
        self.connecting = 0.0
        self.asking = [0.001]
        self.coming_back = 0.0
        self.is_out = False
        self.asked = 0

    @property
    def now(self) -> datetime:
        """Return the time there."""
        return START + timedelta(seconds=self.seconds) + self.offset

    @contextmanager
    def begin(self) -> Iterator[Any]:
        """Connect, which takes its time."""
        if self.is_out:
            raise OperationalError("connect", {}, Exception("refused"))
        self.seconds += self.connecting
        yield self

    def connection(self) -> None:
        """Be connected."""

    def execute(self, _: object) -> "FakeDatabase":
        """Take the question there."""
        self.asked += 1
        self.seconds += self.asking[min(self.asked, len(self.asking)) - 1]
        return self

    def scalar_one(self) -> datetime:
        """Look at the clock there, and bring the answer back."""
        told = self.now
        self.seconds += self.coming_back
        return told


@pytest.fixture
def database() -> FakeDatabase:
    """Return a database that answers at once."""
    return FakeDatabase()


@pytest.fixture
def clock(database: FakeDatabase) -> DatabaseClock:
    """Return a clock in step with it."""
    return DatabaseClock(database.begin, monotonic=lambda: database.seconds)


class TestDatabaseClock:
    """DatabaseClock."""

    def test_j156_a_jump_of_the_machines_clock_changes_nothing(
        self, database: FakeDatabase, clock: DatabaseClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Years ahead, years back."""
        assert clock() == database.now
        for years in (-9, 9):
            there = utc_now() + timedelta(days=365 * years)
            monkeypatch.setattr(database_clock, "utc_now", lambda there=there: there)
            database.seconds += 1.5
            assert clock() == database.now

    def test_counts_on_between_two_questions(
        self, database: FakeDatabase, clock: DatabaseClock
    ) -> None:
        """A thousand readings, one question; after five seconds the next."""
        clock()
        for _ in range(1000):
            database.seconds += 0.004
            assert clock() == database.now
        assert database.asked == 1
        database.seconds += COMPARE_EVERY_SECONDS
        clock()
        assert database.asked == 2

    def test_j156_opens_nothing_early_after_a_slow_answer(
        self, database: FakeDatabase, clock: DatabaseClock
    ) -> None:
        """Connecting took three seconds, the answer two: we may be behind, never ahead."""
        database.connecting, database.coming_back = 3.0, 2.0
        behind = database.now
        told = clock()
        assert told <= database.now
        assert database.now - told <= timedelta(seconds=2)
        assert told >= behind

    def test_a_slow_answer_is_asked_for_again(
        self, database: FakeDatabase, clock: DatabaseClock
    ) -> None:
        """The quickest of three counts."""
        database.asking = [0.5, 0.3, 0.001]
        assert clock() == database.now
        assert database.asked == 3
        database.asked, database.asking = 0, [0.001]
        database.seconds += 6
        clock()
        assert database.asked == 1

    def test_j152_counts_on_while_the_database_is_out(
        self, database: FakeDatabase, clock: DatabaseClock
    ) -> None:
        """And follows when it is back, even if somebody has set its clock."""
        clock()
        database.is_out = True
        for _ in range(4):
            database.seconds += 10
            assert clock() == database.now
        database.is_out, database.offset = False, timedelta(minutes=-3)
        database.seconds += 10
        assert clock() == database.now

    def test_tells_the_machines_time_when_it_was_never_told(
        self, database: FakeDatabase, clock: DatabaseClock
    ) -> None:
        """The database will refuse what follows; asked again only after a while."""
        database.is_out = True
        assert abs(clock() - utc_now()) < timedelta(minutes=1)
        database.is_out = False
        assert abs(clock() - utc_now()) < timedelta(minutes=1)
        database.seconds += 6
        assert clock() == database.now

    def test_twenty_threads_at_the_start_ask_once(self, begin: Begin) -> None:
        """Of the real one: those who waited for the first answer use it."""
        asked: list[int] = []
        wall = threading.Lock()

        @contextmanager
        def counting() -> Iterator[Any]:
            asked.append(1)
            with wall, begin() as session:
                yield session

        clock = DatabaseClock(counting)
        told: list[datetime] = []
        threads = [threading.Thread(target=lambda: told.append(clock())) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(asked) == 1
        assert len(told) == 20
        assert all(abs(moment - utc_now()) < timedelta(minutes=5) for moment in told)
