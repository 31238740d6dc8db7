"""What is told commits with the facts, reaches every handler once, and is never lost."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.orm import Session

from kit.db import Begin
from kit.outbox import MOST_ATTEMPTS, OutboxEvent, OutboxReceipt, emit, relay
from tests.kit.bells import Handlers, Rang, Unheard, effects, only, told


class TestEmit:
    def test_writes_the_event_down_due_at_once(self, begin: Begin, now: datetime) -> None:
        told(begin, Rang("front", times=2), now)
        row = only(begin)
        assert (row.name, row.payload) == ("test.rang", {"door": "front", "times": 2})
        assert (row.emitted_at, row.next_attempt_at, row.done_at) == (now, now, None)
        assert (row.attempts, row.last_error) == (0, None)

    def test_goes_when_the_facts_go(self, begin: Begin, now: datetime) -> None:
        def fail() -> None:
            with begin() as session:
                emit(session, Rang("front"), now=now)
                session.flush()
                raise LookupError

        with pytest.raises(LookupError):
            fail()
        with begin() as session:
            assert session.scalar(select(func.count()).select_from(OutboxEvent)) == 0


class TestRelay:
    def test_brings_the_event_to_every_handler(
        self, begin: Begin, now: datetime, handlers: Handlers, reactions: Any
    ) -> None:
        told(begin, Rang("front", times=3), now)
        later = now + timedelta(seconds=5)
        assert relay(begin, reactions, now=later) == 1
        assert handlers.seen == [
            ("first", Rang("front", times=3), later),
            ("second", Rang("front", times=3), later),
        ]
        assert only(begin).done_at == later
        assert effects(begin) == ["first", "second"]
        with begin() as session:
            receipts = session.scalars(select(OutboxReceipt.handler)).all()
        assert sorted(receipts) == [
            "tests.kit.bells.Handlers.first_when_rang",
            "tests.kit.bells.Handlers.second_when_rang",
        ]

    def test_is_done_once(
        self, begin: Begin, now: datetime, handlers: Handlers, reactions: Any
    ) -> None:
        told(begin, Rang("front"), now)
        assert [relay(begin, reactions, now=now) for _ in range(3)] == [1, 0, 0]
        assert len(handlers.seen) == 2

    def test_is_done_at_once_when_nobody_cares(self, begin: Begin, now: datetime) -> None:
        told(begin, Rang("front"), now)
        assert relay(begin, {Rang: []}, now=now) == 1
        assert only(begin).done_at == now

    def test_leaves_what_is_not_yet_due(self, begin: Begin, now: datetime, reactions: Any) -> None:
        told(begin, Rang("front"), now)
        assert relay(begin, reactions, now=now - timedelta(seconds=1)) == 0

    def test_takes_the_longest_due_first_and_not_more_than_asked(
        self, begin: Begin, now: datetime, handlers: Handlers
    ) -> None:
        reactions = {Rang: [handlers.first_when_rang]}
        for seconds in (3, 1, 2):
            told(begin, Rang(f"door {seconds}"), now + timedelta(seconds=seconds))
        later = now + timedelta(seconds=9)
        assert relay(begin, reactions, now=later, most=2) == 2
        assert [event for _, event, _ in handlers.seen] == [Rang("door 1"), Rang("door 2")]
        assert relay(begin, reactions, now=later, most=2) == 1

    def test_a_failing_handler_undoes_itself_and_no_other(
        self, begin: Begin, now: datetime, handlers: Handlers, reactions: Any
    ) -> None:
        told(begin, Rang("front"), now)
        handlers.failing = {"first"}
        relay(begin, reactions, now=now)
        assert effects(begin) == ["second"]
        row = only(begin)
        assert (row.done_at, row.attempts) == (None, 1)
        assert row.next_attempt_at is not None
        assert now < row.next_attempt_at < now + timedelta(seconds=2)

    def test_only_the_failed_handler_runs_again(
        self, begin: Begin, now: datetime, handlers: Handlers, reactions: Any
    ) -> None:
        told(begin, Rang("front"), now)
        handlers.failing = {"first"}
        relay(begin, reactions, now=now)
        handlers.failing = set()
        handlers.seen.clear()
        relay(begin, reactions, now=now + timedelta(minutes=1))
        assert [name for name, _, _ in handlers.seen] == ["first"]
        assert effects(begin) == ["first", "second"]
        assert only(begin).done_at == now + timedelta(minutes=1)

    def test_a_failure_of_one_does_not_keep_the_others_waiting(
        self, begin: Begin, now: datetime, handlers: Handlers, reactions: Any
    ) -> None:
        """They ran as one and are parted at once: what the second did is undone and done again."""
        told(begin, Rang("front"), now)
        handlers.failing = {"second"}
        relay(begin, reactions, now=now)
        assert [name for name, _, _ in handlers.seen] == ["first", "second"] * 2
        assert effects(begin) == ["first"]

    def test_parts_no_handlers_that_all_succeed(
        self, begin: Begin, now: datetime, reactions: Any
    ) -> None:
        """A savepoint costs as much as what most handlers do."""
        told(begin, Rang("front"), now)
        with begin() as session:
            statements: list[str] = []
            event.listen(session.get_bind(), "savepoint", lambda *_: statements.append("savepoint"))
        relay(begin, reactions, now=now)
        # The fixture's own, one for each of the two transactions.
        assert len(statements) == 2

    def test_l187_keeps_the_kind_of_failure_and_none_of_its_words(
        self, begin: Begin, now: datetime, handlers: Handlers, reactions: Any
    ) -> None:
        told(begin, Rang("front"), now)
        handlers.failing = {"first", "second"}
        relay(begin, reactions, now=now)
        error = only(begin).last_error or ""
        assert "first_when_rang: LookupError" in error
        assert "personal" not in error
        assert len(error) <= 200

    def test_a_handler_that_breaks_the_transaction_breaks_only_its_own(
        self, begin: Begin, now: datetime, handlers: Handlers
    ) -> None:
        def break_when_rang(event: Rang, *, session: Session, now: datetime) -> None:
            session.execute(text("SELECT 1 / 0"))

        told(begin, Rang("front"), now)
        relay(begin, {Rang: [break_when_rang, handlers.second_when_rang]}, now=now)
        assert effects(begin) == ["second"]
        assert "break_when_rang: DataError" in (only(begin).last_error or "")

    def test_waits_longer_each_time_and_gives_up_after_twelve(
        self,
        begin: Begin,
        now: datetime,
        handlers: Handlers,
        reactions: Any,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        told(begin, Rang("front"), now)
        handlers.failing = {"first"}
        at, waits = now, []
        for attempt in range(1, MOST_ATTEMPTS):
            assert relay(begin, reactions, now=at) == 1
            row = only(begin)
            assert row.attempts == attempt
            assert row.next_attempt_at is not None
            waits.append((row.next_attempt_at - at).total_seconds())
            at = row.next_attempt_at
        assert all(later > earlier for earlier, later in pairwise(waits))
        assert waits[-1] <= 900 * 1.125
        assert "event given up" not in caplog.text
        assert relay(begin, reactions, now=at) == 1
        row = only(begin)
        assert (row.attempts, row.next_attempt_at, row.done_at) == (12, None, None)
        assert "event given up" in caplog.text
        assert relay(begin, reactions, now=at + timedelta(days=365)) == 0

    def test_an_unknown_name_stays_for_the_code_that_knows_it(
        self, begin: Begin, now: datetime, reactions: Any
    ) -> None:
        told(begin, Unheard(), now)
        assert relay(begin, reactions, now=now) == 1
        row = only(begin)
        assert (row.done_at, row.attempts) == (None, 1)
        assert row.last_error == "no class is listed for test.unheard"
        relay(begin, {Unheard: []}, now=now + timedelta(minutes=1))
        assert only(begin).done_at is not None

    @pytest.mark.parametrize("payload", [{}, {"door": "front", "floor": 3}, {"floor": 3}])
    def test_j161_a_payload_of_another_release_waits_and_holds_up_no_other(
        self, begin: Begin, now: datetime, handlers: Handlers, reactions: Any, payload: Any
    ) -> None:
        told(begin, Rang("back"), now)
        with begin() as session:
            session.scalars(select(OutboxEvent)).one().payload = payload
        told(begin, Rang("front"), now)
        assert relay(begin, reactions, now=now) == 2
        assert {event for _, event, _ in handlers.seen} == {Rang("front")}
        with begin() as session:
            row = session.scalars(select(OutboxEvent).where(OutboxEvent.done_at.is_(None))).one()
        assert row.attempts == 1
        assert row.last_error == "its payload does not fit test.rang"

    def test_one_event_that_fails_does_not_hold_up_the_next(
        self, begin: Begin, now: datetime, handlers: Handlers
    ) -> None:
        def fail_at_back_when_rang(event: Rang, *, session: Session, now: datetime) -> None:
            if event.door == "back":
                raise LookupError
            handlers.note("first", event, session, now)

        told(begin, Rang("back"), now)
        told(begin, Rang("front"), now)
        assert relay(begin, {Rang: [fail_at_back_when_rang]}, now=now) == 2
        assert [event for _, event, _ in handlers.seen] == [Rang("front")]
