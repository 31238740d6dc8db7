"""Signs of life of the processes beside the web, for readiness."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import String, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from kit.db import Base

FRESH_FOR: Final = timedelta(seconds=15)
KEEP_FOR: Final = timedelta(days=1)


class Heartbeat(Base):
    """When a process of a kind was last seen alive."""

    __tablename__ = "heartbeats"

    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    process: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Pulse:
    """How many processes of a kind are alive, and when the last one was seen."""

    kind: str
    alive: int
    last_seen_at: datetime | None


def beat(session: Session, *, kind: str, process: str, now: datetime) -> None:
    """Say that this process is alive."""
    statement = insert(Heartbeat).values(kind=kind, process=process, at=now)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[Heartbeat.kind, Heartbeat.process], set_={"at": now}
        )
    )
    session.execute(delete(Heartbeat).where(Heartbeat.at < now - KEEP_FOR))


def missing_kinds(session: Session, wanted: Collection[str], *, now: datetime) -> list[str]:
    """Return the kinds of `wanted` of which no process was seen lately."""
    alive = session.scalars(select(Heartbeat.kind).where(Heartbeat.at > now - FRESH_FOR)).all()
    return sorted(set(wanted) - set(alive))


def list_pulses(session: Session, wanted: Sequence[str], *, now: datetime) -> list[Pulse]:
    """Return the pulse of each kind of `wanted`, in that order."""
    rows = session.execute(
        select(
            Heartbeat.kind,
            func.count().filter(Heartbeat.at > now - FRESH_FOR),
            func.max(Heartbeat.at),
        )
        .where(Heartbeat.kind.in_(wanted))
        .group_by(Heartbeat.kind)
    )
    seen = {kind: Pulse(kind, alive, last_seen_at) for kind, alive, last_seen_at in rows}
    return [seen.get(kind, Pulse(kind, 0, None)) for kind in wanted]
