"""`flask security`: what should not have happened, and did."""

import json
from datetime import timedelta

import click

from app import process
from shop.payments import queries


@click.command("security", help="List security events: rejected notices, amounts that differ.")
@click.option("--hours", type=click.IntRange(1, 24 * 90), default=24, help="How far back.")
def command(hours: int) -> None:
    """One line each, oldest first."""
    ports = process.ports()
    since = ports.clock() - timedelta(hours=hours)
    with ports.begin() as session:
        for event in queries.list_security_events(session, since=since):
            detail = json.dumps(event.detail, ensure_ascii=False, sort_keys=True)
            click.echo(f"{event.at.isoformat()}  {event.kind}  {event.subject}  {detail}")
