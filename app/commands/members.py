"""`flask members …`: what rows of members came to need later."""

from uuid import UUID

import click

from app import process
from shop.members import finding


@click.group("members", help="Members.")
def group() -> None:
    """Hold the commands."""


@group.command("remember-tails", help="Let members be found by the end of their phone number.")
def remember_tails() -> None:
    """Once, after the release that brought it; run again it finds nothing to do."""
    ports = process.ports()
    after: UUID | None = None
    while True:
        with ports.begin() as session:
            after = finding.remember_tails(session, ports.phone_book, after=after)
        if after is None:
            break
