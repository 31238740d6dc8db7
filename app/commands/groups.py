"""`flask groups …`: see groups, and complete one at the house's cost, two persons deciding."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import click
from sqlalchemy.orm import Session

from app import process
from group_buy import completing, queries
from group_buy.models import GroupStatus
from kit.errors import DomainError

ACTOR = click.option("--by", "actor", required=True, help="Who says so, for the record.")


@click.group("groups", help="Groups of group-buy campaigns.")
def group() -> None:
    """Hold the commands."""


@group.command("list", help="List groups, the ones that end soonest first.")
@click.option("--campaign", "campaign_id", type=click.UUID, help="Of this campaign only.")
@click.option(
    "--status",
    type=click.Choice([status.value for status in GroupStatus]),
    default=GroupStatus.OPEN.value,
)
@click.option("--limit", type=click.IntRange(1, 500), default=50)
def list_all(campaign_id: UUID | None, status: str, limit: int) -> None:
    """One line each: id, status, paid seats of those required, seats of the house, its end."""
    with process.ports().begin() as session:
        found = queries.list_groups(
            session, status=GroupStatus(status), campaign_id=campaign_id, limit=limit
        )
        for one in found:
            house = f" + {one.house_seats} of the house" if one.house_seats else ""
            click.echo(
                f"{one.id}  {one.status.value:<6}  {one.seats_paid}/{one.seats_required}{house}  "
                f"{one.ends_at.isoformat()}"
            )


@group.command("complete", help="Ask that the house fills the missing seats of a group, openly.")
@click.argument("group_id", metavar="GROUP", type=click.UUID)
@click.option("--why", required=True, help="The reason, for the record.")
@ACTOR
def complete(group_id: UUID, why: str, actor: str) -> None:
    """Nothing changes before a second person approves it."""
    _run(
        lambda session, now: completing.ask_for_completion(
            session, group_id, why=why, actor=actor, now=now
        )
    )
    click.echo(f"{group_id} waits for the word of a second person")


@group.command("approve", help="Approve a completion by the house, as the second person.")
@click.argument("group_id", metavar="GROUP", type=click.UUID)
@ACTOR
def approve(group_id: UUID, actor: str) -> None:
    """The group forms; members see how many of its seats are the house's."""
    formed = _run(
        lambda session, now: completing.approve_completion(session, group_id, actor=actor, now=now)
    )
    click.echo(f"{group_id} is formed, {formed.house_seats} of its seats by the house")


def _run(act: Callable[[Session, datetime], Any]) -> Any:
    ports = process.ports()
    try:
        with ports.begin() as session:
            return act(session, ports.clock())
    except DomainError as refusal:
        raise click.ClickException(refusal.title) from None
