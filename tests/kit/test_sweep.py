"""A sweep acts on each due row alone, and a row says by itself when it is due again."""

import threading
from datetime import datetime, timedelta
from time import sleep
from uuid import UUID

import pytest
from sqlalchemy import select

from kit.clock import monotonic_seconds
from kit.db import Begin
from kit.ids import new_id
from kit.outbox import OutboxEvent
from kit.sweep import LEASE, Retried, Swept, is_due, lease, postpone, settle, sweep

DUE = select(OutboxEvent.id).where(OutboxEvent.done_at.is_(None)).order_by(OutboxEvent.id)


@pytest.fixture
def rows(begin: Begin, now: datetime) -> list[UUID]:
    """Return the ids of three due rows."""
    ids = sorted(new_id() for _ in range(3))
    with begin() as session:
        for row_id in ids:
            session.add(OutboxEvent(id=row_id, name="x", payload={}, emitted_at=now))
    return ids


class TestSweep:
    def finish(self, begin: Begin, row_id: UUID, now: datetime) -> None:
        """Do what is due."""
        with begin() as session:
            session.get_one(OutboxEvent, row_id).done_at = now

    def test_acts_on_every_due_row(self, begin: Begin, rows: list[UUID], now: datetime) -> None:
        seen: list[UUID] = []

        def act(row_id: UUID) -> None:
            seen.append(row_id)
            self.finish(begin, row_id, now)

        assert sweep(begin, DUE, act, name="finish") == Swept(done=3, failed=0)
        assert seen == rows
        assert sweep(begin, DUE, act, name="finish") == Swept(done=0, failed=0)

    def test_one_bad_row_stops_no_other_and_stays_due(
        self, begin: Begin, rows: list[UUID], now: datetime, caplog: pytest.LogCaptureFixture
    ) -> None:
        def act(row_id: UUID) -> None:
            if row_id == rows[0]:
                raise LookupError
            self.finish(begin, row_id, now)

        assert sweep(begin, DUE, act, name="finish") == Swept(done=2, failed=1)
        with begin() as session:
            assert session.scalars(DUE).all() == [rows[0]]
        (record,) = [record for record in caplog.records if record.name == "kit.sweep"]
        assert (record.__dict__["sweep"], record.__dict__["row_id"]) == ("finish", str(rows[0]))

    def test_takes_not_more_than_asked(self, begin: Begin, rows: list[UUID]) -> None:
        seen: list[UUID] = []
        assert sweep(begin, DUE, seen.append, name="look", most=2).done == 2
        assert seen == rows[:2]

    def test_acts_outside_any_transaction_of_its_own(
        self, real_begin: Begin, now: datetime
    ) -> None:
        with real_begin() as session:
            session.add(OutboxEvent(id=new_id(), name="x", payload={}, emitted_at=now))

        def act(row_id: UUID) -> None:
            with real_begin() as session:
                # A lock kept by the sweep would make this fail at once.
                session.get_one(OutboxEvent, row_id, with_for_update={"nowait": True})

        assert sweep(real_begin, DUE, act, name="look") == Swept(done=1, failed=0)

    def test_what_is_no_exception_of_the_work_passes_through(
        self, begin: Begin, rows: list[UUID]
    ) -> None:
        def stop(_: UUID) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            sweep(begin, DUE, stop, name="stop")


class TestAtOnce:
    """sweep(…, at_once=8), with real threads."""

    @pytest.fixture
    def many(self, real_begin: Begin, now: datetime) -> list[UUID]:
        """Return the ids of 32 due rows, in the order in which they are due."""
        ids = sorted(new_id() for _ in range(32))
        with real_begin() as session:
            for row_id in ids:
                session.add(OutboxEvent(id=row_id, name="x", payload={}, emitted_at=now))
        return ids

    def test_n_slow_calls_take_an_eighth_of_their_time(
        self, real_begin: Begin, many: list[UUID]
    ) -> None:
        threads: set[str] = set()

        def act(_: UUID) -> None:
            threads.add(threading.current_thread().name)
            sleep(0.05)

        began_at = monotonic_seconds()
        assert sweep(real_begin, DUE, act, name="call", at_once=8) == Swept(done=32, failed=0)
        took = monotonic_seconds() - began_at
        assert 0.2 <= took < 0.8  # 1.6 s one after the other
        assert len(threads) == 8

    def test_never_more_than_asked_and_every_row_once(
        self, real_begin: Begin, many: list[UUID]
    ) -> None:
        lock, seen, at_work, most = threading.Lock(), list[UUID](), 0, 0

        def act(row_id: UUID) -> None:
            nonlocal at_work, most
            with lock:
                seen.append(row_id)
                at_work += 1
                most = max(most, at_work)
            sleep(0.005)
            with lock:
                at_work -= 1

        sweep(real_begin, DUE, act, name="call", at_once=3)
        assert sorted(seen) == many
        assert most == 3

    def test_one_bad_row_stops_no_other(
        self, real_begin: Begin, many: list[UUID], caplog: pytest.LogCaptureFixture
    ) -> None:
        seen: list[UUID] = []

        def act(row_id: UUID) -> None:
            if row_id in many[:2]:
                raise LookupError
            seen.append(row_id)

        assert sweep(real_begin, DUE, act, name="call", at_once=8) == Swept(done=30, failed=2)
        assert sorted(seen) == many[2:]
        told = {record.__dict__["row_id"] for record in caplog.records}
        assert told == {str(row_id) for row_id in many[:2]}

    def test_its_threads_end_with_it(self, real_begin: Begin, many: list[UUID]) -> None:
        before = set(threading.enumerate())
        sweep(real_begin, DUE, lambda _: None, name="call", at_once=8)
        assert set(threading.enumerate()) == before

    @pytest.mark.parametrize("at_once", [1, 8])
    def test_what_is_not_begun_in_time_stays_due(
        self, real_begin: Begin, many: list[UUID], at_once: int
    ) -> None:
        seen: list[UUID] = []

        def act(row_id: UUID) -> None:
            seen.append(row_id)
            sleep(0.1)

        swept = sweep(real_begin, DUE, act, name="call", at_once=at_once, most_seconds=0.05)
        assert swept == Swept(done=at_once, failed=0)
        assert sorted(seen) == many[:at_once]

    def test_what_is_no_exception_of_the_work_passes_through(
        self, real_begin: Begin, many: list[UUID]
    ) -> None:
        def stop(_: UUID) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            sweep(real_begin, DUE, stop, name="stop", at_once=8)


class Row(Retried):
    """A row with the columns of one that is retried, no table behind it."""

    def __init__(self, due_at: datetime | None) -> None:
        self.attempts = 0
        self.due_at = due_at
        self.last_error = None


class TestIsDue:
    @pytest.mark.parametrize(("seconds", "expected"), [(-1, True), (0, True), (1, False)])
    def test_counts_from_the_very_moment(self, now: datetime, seconds: int, expected: bool) -> None:
        assert is_due(Row(now + timedelta(seconds=seconds)), now=now) is expected

    def test_f103_what_another_sweep_has_just_taken_or_done_is_not(self, now: datetime) -> None:
        taken, done = Row(now), Row(now)
        lease(taken, now=now)
        settle(done)
        assert not is_due(taken, now=now)
        assert not is_due(done, now=now)


class TestLease:
    def test_j148_takes_the_row_for_longer_than_a_call_and_gives_it_back_by_itself(
        self, now: datetime
    ) -> None:
        row = Row(now)
        lease(row, now=now)
        assert (row.attempts, row.due_at) == (1, now + timedelta(seconds=60))
        assert timedelta(seconds=30) < LEASE


class TestSettle:
    def test_leaves_nothing_due(self, now: datetime) -> None:
        row = Row(now)
        postpone(row, "why", now=now)
        settle(row)
        assert (row.due_at, row.last_error) == (None, None)


class TestPostpone:
    def test_waits_as_asked(self, now: datetime) -> None:
        row = Row(now)
        postpone(row, "no bill yet", now=now, by=timedelta(0))
        assert (row.due_at, row.last_error) == (now, "no bill yet")

    def test_else_waits_longer_with_each_attempt(self, now: datetime) -> None:
        row = Row(now)
        for attempts, seconds in ((1, 1), (2, 2), (5, 16)):
            row.attempts = attempts
            postpone(row, "why", now=now)
            assert row.due_at is not None
            waited = (row.due_at - now).total_seconds()
            assert seconds * 0.875 <= waited < seconds * 1.125
            assert row.attempts == attempts

    def test_keeps_no_more_of_the_reason_than_fits(self, now: datetime) -> None:
        row = Row(now)
        postpone(row, "团" * 300, now=now)
        assert row.last_error == "团" * 200
