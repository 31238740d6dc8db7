"""Narrowing a list for a file: by days, and to what comes after the last row that was read."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select
from sqlalchemy.orm import InstrumentedAttribute

from kit.clock import business_day_bounds

# Ids tell the time of the process that made them, rows that of the database.
SKEW: Final = timedelta(hours=1)


Query = TypeVar("Query", bound=Select[*tuple[Any, ...]])


def next_rows(
    query: Query,
    key: InstrumentedAttribute[UUID],
    at: InstrumentedAttribute[datetime],
    given: Mapping[str, str],
    *,
    after: UUID | None,
    limit: int,
    asked_at: datetime,
) -> Query:
    """Return the next rows by id, oldest first, of the days that are asked for."""
    query = query.where(*of_days(at, given, asked_at=asked_at))
    starts_at, _ = _bounds(given)
    if after is not None:
        query = query.where(key > after)
    elif starts_at is not None:
        # Where the index begins; what is a little earlier is left out by its own moment.
        query = query.where(key >= _first_id(starts_at - SKEW))
    return query.order_by(key).limit(limit)


def of_days(
    at: InstrumentedAttribute[datetime], given: Mapping[str, str], *, asked_at: datetime
) -> list[ColumnElement[bool]]:
    """Return the conditions of the days, and that nothing is newer than the question."""
    starts_at, ends_at = _bounds(given)
    conditions: list[ColumnElement[bool]] = [at <= asked_at]
    if starts_at is not None:
        conditions.append(at >= starts_at)
    if ends_at is not None:
        conditions.append(at < ends_at)
    return conditions


def _bounds(given: Mapping[str, str]) -> tuple[datetime | None, datetime | None]:
    since, until = given.get("since"), given.get("until")
    return (
        business_day_bounds(date.fromisoformat(since))[0] if since else None,
        business_day_bounds(date.fromisoformat(until))[1] if until else None,
    )


def _first_id(at: datetime) -> UUID:
    """Return the least UUIDv7 of a moment."""
    milliseconds = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return UUID(int=milliseconds << 80)
