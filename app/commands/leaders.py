"""`flask leaders …`: who may sell from the catalogue in chat groups of their own."""

from uuid import UUID

import click

from app import process
from kit.errors import DomainError
from shop.members import leaders


@click.group("leaders", help="Leaders: members approved to open order sheets.")
def group() -> None:
    """Hold the commands."""


@group.command("approve", help="Make a member a leader.")
@click.argument("member_id", type=click.UUID)
def approve(member_id: UUID) -> None:
    """From now on they may open order sheets."""
    ports = process.ports()
    try:
        with ports.begin() as session:
            leaders.approve_leader(session, member_id, now=ports.clock())
    except DomainError as refusal:
        raise click.ClickException(refusal.title) from None
    click.echo(f"{member_id} is a leader")


@group.command("revoke", help="Take the approval back; open sheets run on to their end.")
@click.argument("member_id", type=click.UUID)
def revoke(member_id: UUID) -> None:
    """From now on they open nothing new."""
    try:
        with process.ports().begin() as session:
            leaders.revoke_leader(session, member_id)
    except DomainError as refusal:
        raise click.ClickException(refusal.title) from None
    click.echo(f"{member_id} is no leader any more")


@group.command("applicants", help="List members who want to be leaders, the longest waiting first.")
def applicants() -> None:
    """One line each: id, since when, and the name they go by."""
    with process.ports().begin() as session:
        for member in leaders.list_applicants(session):
            since = member.leader_applied_at.isoformat() if member.leader_applied_at else ""
            click.echo(f"{member.id}  {since}  {member.nickname or ''}".rstrip())


@group.command("decline", help="Answer an application with no; the member sees why.")
@click.argument("member_id", type=click.UUID)
@click.option("--why", required=True, help="For the member to read.")
def decline(member_id: UUID, why: str) -> None:
    """They may apply again."""
    try:
        with process.ports().begin() as session:
            leaders.decline_leader(session, member_id, why=why)
    except DomainError as refusal:
        raise click.ClickException(refusal.title) from None
    click.echo(f"{member_id} is declined")


@group.command("list", help="List the leaders, the longest approved first.")
def list_all() -> None:
    """One line each: id, since when, and the name they go by."""
    with process.ports().begin() as session:
        for member in leaders.list_leaders(session):
            since = member.leader_since.isoformat() if member.leader_since else ""
            click.echo(f"{member.id}  {since}  {member.nickname or ''}".rstrip())
