"""Events that commit with the facts they tell, and the relay that brings them to handlers once."""

import dataclasses
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column

from kit.db import Base, Begin, PrimaryId
from kit.ids import new_id
from kit.retry import delay_after

log = logging.getLogger(__name__)

MOST_ATTEMPTS: Final = 12
KEEP_DONE_FOR: Final = timedelta(days=30)


@dataclasses.dataclass(frozen=True)
class Event:
    """Something that happened. Subclasses are frozen dataclasses of JSON values with a `name`."""

    name: ClassVar[str] = ""


# Handlers are called as (event, session=…, now=…); `Any` because each takes its own event class.
Handler = Callable[..., None]
Reactions = Mapping[type[Any], Sequence[Handler]]
# How an event is brought to its handlers: returns what failed.
Run = Callable[..., list[str]]


class OutboxEvent(Base):
    """An event waiting for its handlers; done when each has left a receipt."""

    __tablename__ = "outbox_events"
    __table_args__ = (
        Index(
            "ix_outbox_events_waiting",
            "next_attempt_at",
            postgresql_where="done_at IS NULL AND next_attempt_at IS NOT NULL",
        ),
        Index(
            "ix_outbox_events_stuck",
            "id",
            postgresql_where="done_at IS NULL AND next_attempt_at IS NULL",
        ),
    )

    id: Mapped[PrimaryId]
    name: Mapped[str] = mapped_column(String(64))
    payload: Mapped[dict[str, Any]]
    emitted_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None]  # NULL: gave up, a person must look
    done_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(200))


WAITING: Final = OutboxEvent.done_at.is_(None) & OutboxEvent.next_attempt_at.is_not(None)
STUCK: Final = OutboxEvent.done_at.is_(None) & OutboxEvent.next_attempt_at.is_(None)


class OutboxReceipt(Base):
    """Proof that a handler's effect on an event is committed, so it never runs again."""

    __tablename__ = "outbox_receipts"

    event_id: Mapped[UUID] = mapped_column(
        ForeignKey("outbox_events.id", ondelete="CASCADE"), primary_key=True
    )
    handler: Mapped[str] = mapped_column(String(128), primary_key=True)
    at: Mapped[datetime]


_RECEIPTS: Final = insert(OutboxReceipt).on_conflict_do_nothing().returning(OutboxReceipt.handler)


def emit(session: Session, event: Event, *, now: datetime) -> None:
    """Write the event down in the caller's transaction."""
    session.add(OutboxEvent(**_row_of(event, now=now)))


def emit_many(session: Session, events: Sequence[Event], *, now: datetime) -> None:
    """Write many events down by one statement, in their order."""
    if events:
        rows = [_row_of(event, now=now) for event in events]
        session.execute(insert(OutboxEvent), rows)


def relay(begin: Begin, reactions: Reactions, *, now: datetime, most: int = 100) -> int:
    """Bring up to `most` waiting events to their handlers; return how many were taken up.

    Claims by state, never by "id greater than the last seen", so a late commit is not lost.
    """
    classes = {event_class.name: event_class for event_class in reactions}
    with begin() as session:
        waiting = session.scalars(
            select(OutboxEvent.id)
            .where(OutboxEvent.done_at.is_(None), OutboxEvent.next_attempt_at <= now)
            .order_by(OutboxEvent.next_attempt_at, OutboxEvent.id)
            .limit(most)
        ).all()
    for event_id in waiting:
        try:
            _bring(begin, event_id, classes, reactions, now=now)
        except SQLAlchemyError as exc:  # the connection was lost, or the commit refused
            log.exception("event not taken up", extra={"event_id": str(event_id)})
            # While the database is out this fails too; else the trouble is with this event alone.
            with begin() as session:
                if row := _lock_waiting(session, event_id, now=now):
                    _postpone(row, type(exc).__name__, now=now)
    return len(waiting)


def list_stuck(
    session: Session, *, most: int | None = None, ids: Collection[UUID] | None = None
) -> Sequence[OutboxEvent]:
    """Return the events that were given up, oldest first; `most` of them, of `ids`, if given."""
    query = select(OutboxEvent).where(STUCK).order_by(OutboxEvent.id)
    if ids is not None:
        query = query.where(OutboxEvent.id.in_(ids))
    return session.scalars(query if most is None else query.limit(most)).all()


def retry(session: Session, event_id: UUID, *, now: datetime) -> bool:
    """Give an event that was given up to its handlers again; return whether there was one."""
    row = session.scalars(
        select(OutboxEvent).where(OutboxEvent.id == event_id, STUCK).with_for_update()
    ).one_or_none()
    if row is None:
        return False
    row.attempts = 0
    row.next_attempt_at = now
    return True


def purge(session: Session, *, now: datetime) -> None:
    """Forget events done longer ago than `KEEP_DONE_FOR`."""
    session.execute(delete(OutboxEvent).where(OutboxEvent.done_at < now - KEEP_DONE_FOR))


def _row_of(event: Event, *, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "name": event.name,
        "payload": dataclasses.asdict(event),
        "emitted_at": now,
        "next_attempt_at": now,
        "attempts": 0,
    }


def _bring(
    begin: Begin,
    event_id: UUID,
    classes: Mapping[str, type[Any]],
    reactions: Reactions,
    *,
    now: datetime,
) -> None:
    """Bring an event to its handlers: to all as one, which is cheap, or when one fails to each."""
    for run in (_run_as_one, _run_each):
        try:
            with begin() as session:
                _take_up(session, event_id, classes, reactions, run, now=now)
        except Exception as exc:
            if run is _run_each:
                raise
            # Who it was, and of what kind, is found out by parting them.
            log.info("handlers parted: %s", type(exc).__name__, extra={"event_id": str(event_id)})
        else:
            return


def _take_up(
    session: Session,
    event_id: UUID,
    classes: Mapping[str, type[Any]],
    reactions: Reactions,
    run: Run,
    *,
    now: datetime,
) -> None:
    row = _lock_waiting(session, event_id, now=now)
    if row is None:
        return  # another worker has it, or has just tried it
    event_class = classes.get(row.name)
    if event_class is None:
        _postpone(row, f"no class is listed for {row.name}", now=now)
        return
    try:
        event = event_class(**row.payload)
    except TypeError:  # written by a release that knew it by other fields
        _postpone(row, f"its payload does not fit {row.name}", now=now)
        return
    failures = run(session, row, reactions[event_class], event, now=now)
    if failures:
        _postpone(row, "; ".join(failures), now=now)
    else:
        row.done_at = now


def _lock_waiting(session: Session, event_id: UUID, *, now: datetime) -> OutboxEvent | None:
    return session.scalars(
        select(OutboxEvent)
        .where(
            OutboxEvent.id == event_id,
            OutboxEvent.done_at.is_(None),
            OutboxEvent.next_attempt_at <= now,
        )
        .with_for_update(skip_locked=True)
    ).one_or_none()


def _run_as_one(
    session: Session, row: OutboxEvent, handlers: Sequence[Handler], event: Any, *, now: datetime
) -> list[str]:
    """Run all handlers in the transaction itself: whatever one raises undoes all of them."""
    owed = _leave_receipts(session, row, handlers, now=now)
    for handler in handlers:
        if _name_of(handler) in owed:
            handler(event, session=session, now=now)
    return []


def _run_each(
    session: Session, row: OutboxEvent, handlers: Sequence[Handler], event: Any, *, now: datetime
) -> list[str]:
    """Run each handler behind a savepoint of its own; return which failed, and how."""
    failures: list[str] = []
    for handler in handlers:
        name = _name_of(handler)
        try:
            with session.begin_nested():
                if _leave_receipts(session, row, [handler], now=now):
                    handler(event, session=session, now=now)
        except Exception as exc:
            log.exception("handler failed", extra={"handler": name, "event_id": str(row.id)})
            failures.append(f"{name}: {type(exc).__name__}")
    return failures


def _leave_receipts(
    session: Session, row: OutboxEvent, handlers: Sequence[Handler], *, now: datetime
) -> set[str]:
    """Write receipts; return the names of handlers that had left none, which are to run."""
    if not handlers:
        return set()
    receipts = [
        {"event_id": row.id, "handler": _name_of(handler), "at": now} for handler in handlers
    ]
    # `returning` tells which rows are new; rowcount cannot be trusted here.
    return set(session.scalars(_RECEIPTS, receipts))


def _name_of(handler: Handler) -> str:
    return f"{handler.__module__}.{handler.__qualname__}"


def _postpone(row: OutboxEvent, why: str, *, now: datetime) -> None:
    row.attempts += 1
    row.last_error = why[:200]
    row.next_attempt_at = None
    if row.attempts < MOST_ATTEMPTS:
        row.next_attempt_at = now + delay_after(row.attempts)
    else:
        log.error("event given up", extra={"event_id": str(row.id), "event_name": row.name})
