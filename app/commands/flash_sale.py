"""`flask flash-sale …`: live numbers, the draw of a lottery, and its check by anybody."""

import json
from pathlib import Path
from time import sleep
from uuid import UUID

import click

from app import process
from app.watching import watch
from flash_sale import lottery
from kit.errors import DomainError


@click.group("flash-sale", help="Flash sales: watch one, draw a lottery, check a draw.")
def group() -> None:
    """Hold the commands."""


@group.command("live", help="Show what goes on in a flash sale, as JSON.")
@click.argument("campaign_id", type=click.UUID)
@click.option("--every", type=click.IntRange(1, 60), help="Seconds; shown until Ctrl-C.")
def live(campaign_id: UUID, every: int | None) -> None:
    """One JSON line each time."""
    while True:
        try:
            click.echo(json.dumps(watch(process.ports(), campaign_id)))
        except DomainError as refusal:
            raise click.ClickException(refusal.title) from None
        if every is None:
            return
        sleep(every)


@group.command("lottery", help="Draw a lottery whose time is over; print the draw as JSON.")
@click.argument("campaign_id", type=click.UUID)
def draw(campaign_id: UUID) -> None:
    """A draw that was made before is printed again."""
    ports = process.ports()
    try:
        with ports.begin() as session:
            lottery.hold_draw(session, campaign_id, now=ports.clock())
            told = lottery.report(session, campaign_id)
    except DomainError as refusal:
        raise click.ClickException(refusal.title) from None
    click.echo(json.dumps(told))


@group.command("check", help="Compute a draw again, as printed by lottery or GET …/draw.")
@click.argument("report", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(report: Path) -> None:
    """Exit code 1 when anything does not agree; needs neither database nor secrets."""
    try:
        problems = lottery.check(json.loads(report.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise click.ClickException(f"{report} is no report of a draw: {error}") from None
    for problem in problems:
        click.echo(problem)
    if problems:
        raise SystemExit(1)
    click.echo("the draw is what the promised seed draws from these entries")
