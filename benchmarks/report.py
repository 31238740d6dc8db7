"""Figures: what was measured, against what, whether it meets its target; as table and JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

COLUMNS: Final = ("name", "figure", "unit", "against", "ratio", "target", "ok")


@dataclass(frozen=True, slots=True)
class Figure:
    """One result; `ratio` is the median of the rounds' own ratios, so `figure / against` but for
    what the machine did meanwhile.
    """

    name: str
    figure: float
    unit: str
    target: str | None = None
    ok: bool = True
    against: float | None = None
    ratio: float | None = None
    note: str = ""  # what was measured, and what stands beside it

    def as_json(self) -> dict[str, Any]:
        """Return the figure as `make bench` writes it."""
        content: dict[str, Any] = {name: getattr(self, name) for name in (*COLUMNS, "note")}
        return {
            name: rounded(value) if isinstance(value, float) else value
            for name, value in content.items()
        }


def compared(
    name: str,
    measured: Sequence[float],
    against: Sequence[float],
    *,
    unit: str,
    note: str,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Figure:
    """Return the medians of two ways that were measured in the same rounds, and their ratio."""
    ratio = median(ours / theirs for ours, theirs in zip(measured, against, strict=True))
    return Figure(
        name,
        median(measured),
        unit,
        target=_target("ratio", at_least, at_most),
        ok=_is_within(ratio, at_least, at_most),
        against=median(against),
        ratio=ratio,
        note=note,
    )


def alone(
    name: str,
    measured: Sequence[float],
    *,
    unit: str,
    note: str,
    below: float | None = None,
) -> Figure:
    """Return the median of a figure that has nothing beside it but perhaps a limit."""
    figure = median(measured)
    return Figure(
        name,
        figure,
        unit,
        target=None if below is None else f"< {below:g} {unit}",
        ok=below is None or figure < below,
        note=note,
    )


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as text, each with its note on a line of its own."""
    rows = [COLUMNS, *(tuple(map(_shown, _cells(figure))) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    notes = [f"{figure.name}: {figure.note}" for figure in figures if figure.note]
    return "\n".join([*lines, "", *notes])


def write(figures: Sequence[Figure], path: Path) -> None:
    """Write the figures of this run, and nothing of an earlier one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = [figure.as_json() for figure in figures]
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def rounded(value: float) -> float:
    """Return the value with as many digits as a measurement has."""
    return round(value, 1) if abs(value) >= 100 else float(f"{value:.3g}")


def _cells(figure: Figure) -> tuple[Any, ...]:
    content = figure.as_json()
    return tuple(content[name] for name in COLUMNS)


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return f"{value:,}" if isinstance(value, float) else str(value)


def _target(what: str, at_least: float | None, at_most: float | None) -> str | None:
    limits = [f"{what} >= {at_least:g}" if at_least is not None else ""]
    limits.append(f"{what} <= {at_most:g}" if at_most is not None else "")
    return " and ".join(filter(None, limits)) or None


def _is_within(value: float, at_least: float | None, at_most: float | None) -> bool:
    return (at_least is None or value >= at_least) and (at_most is None or value <= at_most)
