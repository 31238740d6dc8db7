"""Status changes: a declared table of moves per kind of row, and the only ways to make one."""

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Index,
    String,
    Table,
    bindparam,
    insert,
    inspect,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql.dml import ReturningInsert

from kit.db import Base
from kit.errors import Conflict

S = TypeVar("S", bound=StrEnum)


class IllegalMove(Conflict):
    """The table of moves does not list this step."""

    code = "illegal_move"
    title = "The state does not allow this"
    message = "当前状态不支持此操作"


class BrokenLifecycle(ValueError):
    """A table of moves names an unknown state, forgets one, or cannot reach one."""


class Lifecycle(Generic[S]):
    """The table of moves of one kind of row, checked when it is declared."""

    def __init__(self, kind: str, *, initial: S, moves: Mapping[S, Set[S]]) -> None:
        """Check that each state is listed and reachable from `initial`; or `BrokenLifecycle`."""
        self.kind: Final = kind
        self.initial: Final = initial
        self.moves: Final = {state: frozenset(targets) for state, targets in moves.items()}
        states = set(type(initial))
        if set(self.moves) != states:
            raise BrokenLifecycle(f"{kind}: unlisted {sorted(states ^ set(self.moves))}")
        if missing := states - self._reachable():
            raise BrokenLifecycle(f"{kind}: unreachable {sorted(missing)}")

    def allows(self, old: S, new: S) -> bool:
        """Say whether the table lists the step from `old` to `new`."""
        return new in self.moves[old]

    def sources_of(self, new: S) -> list[S]:
        """Return the states from which `new` may be reached in one step."""
        return [state for state, targets in self.moves.items() if new in targets]

    def as_json(self) -> dict[str, list[str]]:
        """Return the table as plain text, for the database trigger that enforces it too."""
        return {
            state.value: sorted(target.value for target in targets)
            for state, targets in sorted(self.moves.items())
        }

    def _reachable(self) -> set[S]:
        seen = {self.initial}
        waiting = [self.initial]
        while waiting:
            for state in self.moves[waiting.pop()] - seen:
                seen.add(state)
                waiting.append(state)
        return seen


class HasLifecycle(Protocol[S]):
    """A row with an id, a status and the table of moves of its kind."""

    @property
    def id(self) -> UUID:
        """The row's id."""
        ...

    @property
    def status(self) -> S:
        """The row's present status."""
        ...

    @property
    def lifecycle(self) -> Lifecycle[S]:
        """The table of moves of the row's kind."""
        ...


class StatusChange(Base):
    """One step of one row: what, from, to, when and by whom. Insert-only."""

    __tablename__ = "status_changes"
    __table_args__ = (Index("ix_status_changes_row_id_at", "row_id", "at"),)

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(32))
    row_id: Mapped[UUID]
    old: Mapped[str] = mapped_column(String(32))
    new: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(64))


# A mapped class's is a table.
STEPS: Final[Table] = inspect(StatusChange).local_table  # type: ignore[assignment]


def move(session: Session, row: HasLifecycle[S], to: S, *, at: datetime, actor: str) -> None:
    """Set the row's status to `to` and write the step down; raises `IllegalMove`.

    The caller holds the row's lock, so the status read is the status that is.
    """
    old = row.status
    if not row.lifecycle.allows(old, to):
        raise IllegalMove(kind=row.lifecycle.kind, old=old.value, new=to.value)
    # HasLifecycle is read-only to callers, so that this line is the only assignment.
    setattr(row, "status", to)  # noqa: B010
    session.add(
        StatusChange(
            kind=row.lifecycle.kind, row_id=row.id, old=old.value, new=to.value, at=at, actor=actor
        )
    )


def move_many(
    session: Session,
    table: Table,
    lifecycle: Lifecycle[S],
    ids: ColumnElement[bool],
    *,
    old: S,
    to: S,
    at: datetime,
    actor: str,
    values: Mapping[str, Any] | None = None,
) -> Sequence[UUID]:
    """Move every row of `table` that matches `ids` and has status `old`; return the ids moved.

    One statement moves the rows and writes the steps down, whatever their number.
    """
    statement = moving(table, lifecycle, ids, old=old, to=to, values=values)
    return session.execute(statement, {"step_at": at, "step_actor": actor}).scalars().all()


def moving(
    table: Table,
    lifecycle: Lifecycle[S],
    ids: ColumnElement[bool],
    *,
    old: S,
    to: S,
    values: Mapping[str, Any] | None = None,
) -> ReturningInsert[UUID]:
    """Return the statement of `move_many`, to be kept where it is run often; or `IllegalMove`.

    It takes the parameters `step_at` and `step_actor`, and those that `ids` and `values` name.
    """
    if not lifecycle.allows(old, to):
        raise IllegalMove(kind=lifecycle.kind, old=old.value, new=to.value)
    moved = (
        update(table)
        .where(table.c.status == _constant(old), ids)
        .values(status=_constant(to), **(values or {}))
        .returning(table.c.id)
        .cte("moved")
    )
    steps = select(
        literal(lifecycle.kind),
        moved.c.id,
        _constant(old),
        _constant(to),
        bindparam("step_at", type_=STEPS.c.at.type),
        bindparam("step_actor", type_=STEPS.c.actor.type),
    )
    return (
        insert(STEPS)
        .from_select(["kind", "row_id", "old", "new", "at", "actor"], steps)
        .returning(STEPS.c.row_id)
    )


def _constant(status: StrEnum) -> ColumnElement[str]:
    # As a parameter it would hide from a prepared plan that an index of this status alone fits.
    return literal_column(f"'{status.value}'", String())
