"""Reports as tables: the same numbers are drawn as a chart and read by whoever cannot see one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from kit.money import BASIS
from shop.reports.queries import Span, Summed

LONGEST: Final = 366  # days
USUAL: Final = 30
TEXT: Final = "text"
COUNT: Final = "count"
MONEY: Final = "money"
PERCENT: Final = "percent"  # in hundredths of a percent
DECIMAL: Final = "tenths"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, and how its values are shown."""

    name: str
    kind: str = COUNT


@dataclass(frozen=True, slots=True)
class Linked:
    """A text that leads somewhere."""

    text: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A report: its first column is what a line is of."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    charted: Sequence[int]  # columns that are drawn
    chart: str = "bar"
    totals: Sequence[Any] = field(default_factory=list)
    most: int = 0  # lines at most; 0: there are no more
    note: str = ""


def span_of(since: date | None, until: date | None, *, today: date) -> Span:
    """Return the days asked for, the last thirty if none, and never more than a year."""
    last = until or today
    first = since or last - timedelta(days=USUAL - 1)
    first = min(first, last)
    return Span(max(first, last - timedelta(days=LONGEST - 1)), last)


def every_day(span: Span) -> list[date]:
    """Return each day, so that one on which nothing happened is a line, too."""
    return [span.since + timedelta(days=n) for n in range((span.until - span.since).days + 1)]


def share(part: int, whole: int) -> int | None:
    """Return a share in hundredths of a percent; None of nothing."""
    return part * BASIS // whole if whole else None


def by_day(found: Sequence[Summed]) -> dict[date, Summed]:
    """Return the lines of days by their day."""
    return {one.of: one for one in found}


def sums(rows: Sequence[Sequence[Any]], columns: Sequence[Column]) -> list[Any]:
    """Return the last line: the sums of what can be summed."""
    summed = (COUNT, MONEY)
    return [
        sum(row[place] or 0 for row in rows) if column.kind in summed else None
        for place, column in enumerate(columns)
    ][1:]
