"""Several workers at once still bring each event to each handler once."""

import dataclasses
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import datetime
from typing import ClassVar

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from kit.db import Begin, make_engine
from kit.heartbeat import Heartbeat
from kit.outbox import Event, OutboxEvent, emit, relay
from kit.retry import LONGEST_DELAY

WORKERS = 4
EVENTS = 40


@dataclasses.dataclass(frozen=True)
class Counted(Event):
    """Something that happened once."""

    name: ClassVar[str] = "test.counted"

    number: int


def write_when_counted(event: Counted, *, session: Session, now: datetime) -> None:
    """Leave a row; a second one for the same event would violate its key."""
    session.add(Heartbeat(kind="counted", process=str(event.number), at=now))
    session.flush()


def also_write_when_counted(event: Counted, *, session: Session, now: datetime) -> None:
    """Leave another row."""
    session.add(Heartbeat(kind="also", process=str(event.number), at=now))
    session.flush()


class Died(BaseException):
    """Nothing in the code catches this, as nothing catches SIGKILL."""


def die_when_counted(event: Counted, *, session: Session, now: datetime) -> None:
    """Leave a row and end before anything commits."""
    write_when_counted(event, session=session, now=now)
    raise Died


@pytest.fixture
def lose(owner_url: str) -> Iterator[Callable[[Session], None]]:
    """Return a way to have the server end a session's connection in the middle of its work."""
    owner = make_engine(owner_url)

    def end(session: Session) -> None:
        pid = session.scalar(text("SELECT pg_backend_pid()"))
        with owner.begin() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        session.execute(text("SELECT 1"))

    yield end
    owner.dispose()


@pytest.mark.race
class TestRelay:
    def test_many_workers_make_every_effect_once(self, real_begin: Begin, now: datetime) -> None:
        with real_begin() as session:
            for number in range(EVENTS):
                emit(session, Counted(number), now=now)
        reactions = {Counted: [write_when_counted, also_write_when_counted]}
        barrier = threading.Barrier(WORKERS)

        def work() -> None:
            barrier.wait(10)
            while relay(real_begin, reactions, now=now, most=7):
                pass

        with ThreadPoolExecutor(WORKERS) as pool:
            for worker in [pool.submit(work) for _ in range(WORKERS)]:
                worker.result(60)
        with real_begin() as session:
            kinds = Counter(session.scalars(select(Heartbeat.kind)))
            undone = session.scalar(
                select(func.count()).select_from(OutboxEvent).where(OutboxEvent.done_at.is_(None))
            )
            failed = session.scalar(select(func.sum(OutboxEvent.attempts)))
        assert kinds == {"counted": EVENTS, "also": EVENTS}
        assert (undone, failed) == (0, 0)

    def test_a_worker_passes_by_what_another_has_in_hand(
        self, real_begin: Begin, now: datetime
    ) -> None:
        inside, may_end = threading.Event(), threading.Event()
        seen: list[int] = []

        def hold_when_counted(event: Counted, *, session: Session, now: datetime) -> None:
            seen.append(event.number)
            inside.set()
            assert may_end.wait(10)

        with real_begin() as session:
            emit(session, Counted(1), now=now)
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(relay, real_begin, {Counted: [hold_when_counted]}, now=now)
            try:
                assert inside.wait(10)
                relay(real_begin, {Counted: [hold_when_counted]}, now=now)
                assert seen == [1]
            finally:
                may_end.set()
            assert first.result(10) == 1
        assert relay(real_begin, {Counted: [hold_when_counted]}, now=now) == 0
        with real_begin() as session:
            row = session.scalars(select(OutboxEvent)).one()
            assert (row.attempts, row.last_error, row.done_at) == (0, None, now)

    def test_what_another_worker_just_failed_at_waits_its_time(
        self, real_begin: Begin, now: datetime
    ) -> None:
        seen: list[int] = []

        def fail_when_counted(event: Counted, *, session: Session, now: datetime) -> None:
            seen.append(event.number)
            if seen == [1]:
                # Meanwhile another worker takes up the second one, which was waiting as well.
                assert relay(real_begin, {Counted: [fail_when_counted]}, now=now) == 2
            raise LookupError

        with real_begin() as session:
            for number in (1, 2):
                emit(session, Counted(number), now=now)
        relay(real_begin, {Counted: [fail_when_counted]}, now=now)
        assert seen == [1, 2, 2, 1]  # each with the others first, then alone
        with real_begin() as session:
            assert session.scalars(select(OutboxEvent.attempts)).all() == [1, 1]

    def test_what_commits_late_is_not_passed_over(self, real_begin: Begin, now: datetime) -> None:
        reactions = {Counted: [write_when_counted]}
        with real_begin() as slow:
            emit(slow, Counted(1), now=now)
            slow.flush()
            with real_begin() as quick:
                emit(quick, Counted(2), now=now)
            assert relay(real_begin, reactions, now=now) == 1
        assert relay(real_begin, reactions, now=now) == 1
        with real_begin() as session:
            assert set(session.scalars(select(Heartbeat.process))) == {"1", "2"}

    def test_j150_a_lost_connection_costs_one_attempt(
        self, real_begin: Begin, lose: Callable[[Session], None], now: datetime
    ) -> None:
        def lose_first_when_counted(event: Counted, *, session: Session, now: datetime) -> None:
            write_when_counted(event, session=session, now=now)
            if event.number == 1:
                lose(session)

        with real_begin() as session:
            for number in (1, 2):
                emit(session, Counted(number), now=now)
        assert relay(real_begin, {Counted: [lose_first_when_counted]}, now=now) == 2
        with real_begin() as session:
            assert session.scalars(select(Heartbeat.process)).all() == ["2"]
            row = session.scalars(select(OutboxEvent).where(OutboxEvent.done_at.is_(None))).one()
            assert row.attempts == 1
            assert row.last_error
        assert relay(real_begin, {Counted: [write_when_counted]}, now=now + LONGEST_DELAY) == 1

    def test_j150_what_another_has_finished_stays(
        self, real_begin: Begin, lose: Callable[[Session], None], now: datetime
    ) -> None:
        def lose_when_counted(event: Counted, *, session: Session, now: datetime) -> None:
            try:
                lose(session)
            finally:
                relay(real_begin, {Counted: [write_when_counted]}, now=now)

        with real_begin() as session:
            emit(session, Counted(1), now=now)
        relay(real_begin, {Counted: [lose_when_counted]}, now=now)
        with real_begin() as session:
            row = session.scalars(select(OutboxEvent)).one()
            assert (row.attempts, row.done_at) == (0, now)

    def test_j150_an_outage_costs_no_attempt(
        self, real_begin: Begin, lose: Callable[[Session], None], now: datetime
    ) -> None:
        is_out = threading.Event()

        def begin() -> AbstractContextManager[Session]:
            if is_out.is_set():
                raise OperationalError("connect", {}, ConnectionError())
            return real_begin()

        def lose_when_counted(event: Counted, *, session: Session, now: datetime) -> None:
            is_out.set()
            lose(session)

        with real_begin() as session:
            emit(session, Counted(1), now=now)
        # The worker waits out what is of this kind.
        with pytest.raises(DBAPIError):
            relay(begin, {Counted: [lose_when_counted]}, now=now)
        with real_begin() as session:
            row = session.scalars(select(OutboxEvent)).one()
            assert (row.attempts, row.next_attempt_at) == (0, now)

    def test_j148_a_worker_that_dies_before_the_commit_leaves_the_event_for_the_next(
        self, real_begin: Begin, now: datetime
    ) -> None:
        with real_begin() as session:
            emit(session, Counted(1), now=now)
        with pytest.raises(Died):
            relay(real_begin, {Counted: [die_when_counted]}, now=now)
        with real_begin() as session:
            assert session.scalars(select(Heartbeat)).all() == []
            assert session.scalars(select(OutboxEvent.attempts)).one() == 0
        assert relay(real_begin, {Counted: [write_when_counted]}, now=now) == 1
