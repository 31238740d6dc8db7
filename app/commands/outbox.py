"""`flask outbox …`: events whose handlers gave up, and giving them another try."""

from uuid import UUID

import click

from app import process
from kit import outbox


@click.group("outbox", help="Events that wait for a person.")
def group() -> None:
    """Hold the commands."""


@group.command("stuck", help="List events whose handlers failed too often.")
def stuck() -> None:
    """One line each: id, name, when, attempts, why."""
    with process.ports().begin() as session:
        for event in outbox.list_stuck(session):
            click.echo(
                f"{event.id}  {event.name}  {event.emitted_at.isoformat()}  "
                f"{event.attempts} attempts  {event.last_error or ''}"
            )


@group.command("retry", help="Give an event to its handlers again.")
@click.argument("event_id", type=click.UUID)
def retry(event_id: UUID) -> None:
    """Handlers that are through with it are not run again."""
    ports = process.ports()
    with ports.begin() as session:
        if not outbox.retry(session, event_id, now=ports.clock()):
            raise click.ClickException("there is no such stuck event")
