"""A process that beats is seen, and one that stopped is missed."""

from datetime import datetime, timedelta

from sqlalchemy import select

from kit.db import Begin
from kit.heartbeat import FRESH_FOR, KEEP_FOR, Heartbeat, beat, missing_kinds


def at(begin: Begin, kind: str, process: str, when: datetime) -> None:
    """Let a process beat."""
    with begin() as session:
        beat(session, kind=kind, process=process, now=when)


def missing(begin: Begin, *wanted: str, now: datetime) -> list[str]:
    """Return which kinds are missing."""
    with begin() as session:
        return missing_kinds(session, wanted, now=now)


class TestBeat:
    def test_keeps_the_last_beat_of_each_process(self, begin: Begin, now: datetime) -> None:
        for process in ("1", "2"):
            for seconds in (0, 5):
                at(begin, "worker", process, now + timedelta(seconds=seconds))
        with begin() as session:
            rows = session.scalars(select(Heartbeat).order_by(Heartbeat.process)).all()
        assert [(row.process, row.at) for row in rows] == [
            ("1", now + timedelta(seconds=5)),
            ("2", now + timedelta(seconds=5)),
        ]

    def test_forgets_processes_that_are_long_gone(self, begin: Begin, now: datetime) -> None:
        at(begin, "worker", "old", now)
        at(begin, "worker", "new", now + KEEP_FOR)
        with begin() as session:
            assert set(session.scalars(select(Heartbeat.process))) == {"old", "new"}
        at(begin, "worker", "new", now + KEEP_FOR + timedelta(seconds=1))
        with begin() as session:
            assert session.scalars(select(Heartbeat.process)).all() == ["new"]


class TestMissingKinds:
    def test_are_those_of_which_nobody_beats(self, begin: Begin, now: datetime) -> None:
        at(begin, "worker", "1", now)
        assert missing(begin, "worker", "scheduler", "audit", now=now) == ["audit", "scheduler"]

    def test_are_none_while_one_of_several_beats(self, begin: Begin, now: datetime) -> None:
        at(begin, "worker", "dead", now - timedelta(minutes=5))
        at(begin, "worker", "alive", now)
        assert missing(begin, "worker", now=now) == []

    def test_counts_a_beat_for_fifteen_seconds(self, begin: Begin, now: datetime) -> None:
        at(begin, "worker", "1", now)
        last = now + FRESH_FOR - timedelta(milliseconds=1)
        assert missing(begin, "worker", now=last) == []
        assert missing(begin, "worker", now=now + FRESH_FOR) == ["worker"]
