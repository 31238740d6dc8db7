"""What was given up can be started anew, and what is long done is forgotten."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from kit import outbox
from kit.db import Begin
from kit.ids import new_id
from kit.outbox import KEEP_DONE_FOR, MOST_ATTEMPTS, OutboxEvent, OutboxReceipt, relay
from tests.kit.bells import Handlers, Rang, Unheard, only, told


class TestRetry:
    def give_up(self, begin: Begin, reactions: Any, now: datetime) -> OutboxEvent:
        """Return an event whose handlers failed as often as may be."""
        told(begin, Rang("front"), now)
        with begin() as session:
            session.scalars(select(OutboxEvent)).one().attempts = MOST_ATTEMPTS - 1
        relay(begin, reactions, now=now)
        return only(begin)

    def test_lists_what_was_given_up_and_starts_it_anew(
        self, begin: Begin, now: datetime, handlers: Handlers, reactions: Any
    ) -> None:
        handlers.failing = {"first"}
        stuck = self.give_up(begin, reactions, now)
        with begin() as session:
            assert [row.id for row in outbox.list_stuck(session)] == [stuck.id]
            assert outbox.retry(session, stuck.id, now=now)
            assert outbox.list_stuck(session) == []
        handlers.failing = set()
        handlers.seen.clear()
        relay(begin, reactions, now=now)
        assert [name for name, _, _ in handlers.seen] == ["first"]
        row = only(begin)
        assert (row.attempts, row.done_at) == (0, now)

    def test_leaves_what_waits_or_is_done(
        self, begin: Begin, now: datetime, reactions: Any
    ) -> None:
        told(begin, Rang("front"), now)
        row_id = only(begin).id
        for _ in range(2):
            with begin() as session:
                assert outbox.list_stuck(session) == []
                assert not outbox.retry(session, row_id, now=now + timedelta(days=1))
            assert only(begin).next_attempt_at == now
            relay(begin, reactions, now=now)

    def test_knows_nothing_of_an_unknown_one(self, begin: Begin, now: datetime) -> None:
        with begin() as session:
            assert not outbox.retry(session, new_id(), now=now)


class TestPurge:
    @pytest.mark.parametrize(("age", "left"), [(timedelta(0), 1), (timedelta(seconds=1), 0)])
    def test_forgets_what_was_done_long_ago_with_its_receipts(
        self, begin: Begin, now: datetime, reactions: Any, age: timedelta, left: int
    ) -> None:
        told(begin, Rang("front"), now)
        relay(begin, reactions, now=now)
        with begin() as session:
            outbox.purge(session, now=now + KEEP_DONE_FOR + age)
        with begin() as session:
            assert session.scalar(select(func.count()).select_from(OutboxEvent)) == left
            assert session.scalar(select(func.count()).select_from(OutboxReceipt)) == 2 * left

    def test_never_forgets_what_is_not_done(
        self, begin: Begin, now: datetime, reactions: Any
    ) -> None:
        told(begin, Unheard(), now)
        relay(begin, reactions, now=now)
        with begin() as session:
            outbox.purge(session, now=now + timedelta(days=10_000))
        assert isinstance(only(begin).id, UUID)
