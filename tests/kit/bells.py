"""An event, handlers that can be made to fail, and looks at what came of it."""

import dataclasses
from datetime import datetime
from typing import ClassVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from kit.db import Begin
from kit.heartbeat import Heartbeat, beat
from kit.outbox import Event, OutboxEvent, emit


@dataclasses.dataclass(frozen=True)
class Rang(Event):
    """Something happened."""

    name: ClassVar[str] = "test.rang"

    door: str
    times: int = 1


@dataclasses.dataclass(frozen=True)
class Unheard(Event):
    """Something happened that no page lists."""

    name: ClassVar[str] = "test.unheard"


class Handlers:
    """Handlers that write a row each, and fail when told to."""

    def __init__(self) -> None:
        self.failing: set[str] = set()
        self.seen: list[tuple[str, Event, datetime]] = []

    def first_when_rang(self, event: Rang, *, session: Session, now: datetime) -> None:
        self.note("first", event, session, now)

    def second_when_rang(self, event: Rang, *, session: Session, now: datetime) -> None:
        self.note("second", event, session, now)

    def note(self, name: str, event: Rang, session: Session, now: datetime) -> None:
        self.seen.append((name, event, now))
        beat(session, kind=name, process=event.door, now=now)
        session.flush()
        if name in self.failing:
            raise LookupError("a message that may hold personal data")


def told(begin: Begin, event: Event, now: datetime) -> None:
    """Emit an event in a transaction of its own."""
    with begin() as session:
        emit(session, event, now=now)


def only(begin: Begin) -> OutboxEvent:
    """Return the one event there is."""
    with begin() as session:
        return session.scalars(select(OutboxEvent)).one()


def effects(begin: Begin) -> list[str]:
    """Return which handlers' rows are committed."""
    with begin() as session:
        return sorted(session.scalars(select(Heartbeat.kind)))
