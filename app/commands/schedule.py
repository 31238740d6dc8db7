"""`flask schedule …`: whether everything happens at its time, for people and for alarms."""

import json

import click

from app import process, standing
from app.plain import as_json
from app.standing import Standing

HEADINGS = ("sweep", "rows", "due", "late", "retrying", "given up", "next due at")


@click.group("schedule", help="What is due, late and given up.")
def group() -> None:
    """Hold the commands."""


@group.command("status", help="Show every sweep and who is alive, with what is wrong at the end.")
@click.option("--json", "in_json", is_flag=True, help="As one JSON object.")
def status(in_json: bool) -> None:
    """Exit code 1 when something is late by more than a minute, was given up, or nobody acts."""
    ports = process.ports()
    with ports.begin() as session:
        found = standing.look(session, now=ports.clock())
    click.echo(json.dumps(as_json(found), ensure_ascii=False) if in_json else _table(found))
    if found.troubles:
        raise SystemExit(1)


def _table(found: Standing) -> str:
    rows = [HEADINGS]
    for line in found.lines:
        next_due_at = "" if line.next_due_at is None else line.next_due_at.isoformat()
        numbers = (str(line.due), f"{line.late_seconds:.0f} s", str(line.retrying))
        rows.append((line.sweep, line.rows, *numbers, str(line.given_up), next_due_at))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    for pulse in found.pulses:
        seen = "never seen" if pulse.last_seen_at is None else pulse.last_seen_at.isoformat()
        lines.append(f"{pulse.kind}: {pulse.alive} alive, last seen: {seen}")
    return "\n".join([*lines, *(f"! {trouble}" for trouble in found.troubles)])
