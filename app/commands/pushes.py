"""`flask pushes …`: templates, plans, what was sent, what waits for an owner, what went wrong."""

from datetime import timedelta
from typing import Final
from uuid import UUID

import click

from app import process
from app.commands.campaigns import ACTOR
from app.commands.plan_files import explained
from kit.errors import DomainError
from shop.chat_groups.models import ChatChannel
from shop.outreach import late_groups, planning, queries
from shop.outreach.copy_texts import Copy, list_copies
from shop.outreach.models import PushEdge, PushStatus, WhenQuiet
from shop.outreach.push_texts import PLACEHOLDERS, SAMPLE, check_push_text, render_push
from shop.outreach.rules import LEAD, QUIET_FROM_MINUTE, QUIET_UNTIL_MINUTE
from shop.outreach.uncertain import note_look

EDGES: Final = click.Choice([edge.value for edge in PushEdge])
CHANNELS: Final = click.Choice([channel.value for channel in ChatChannel])
STATUSES: Final = click.Choice([status.value for status in PushStatus])


@click.group("pushes", help="Messages into chat groups at the edges of campaigns.")
def group() -> None:
    """Hold the commands."""


@group.group("template", help="Texts of pushes; each keeps its text for good.")
def template() -> None:
    """Hold the commands of templates."""


@template.command("add", help=f"Keep a text. Known: {', '.join(sorted(PLACEHOLDERS))}, in braces.")
@click.argument("name")
@click.argument("text")
@ACTOR
def add_template(name: str, text: str, actor: str) -> None:
    """A text that names anything else, or holds a link of its own, is refused."""
    ports = process.ports()
    try:
        with ports.begin() as session:
            planning.add_template(session, name=name, text=text, actor=actor, now=ports.clock())
    except DomainError as refusal:
        raise explained(refusal) from None


@template.command("list", help="List the texts.")
def list_templates() -> None:
    """Name and text."""
    with process.ports().begin() as session:
        for each in queries.list_templates(session):
            click.echo(f"{each.name}: {each.text}")


@group.command("preview", help="Show what a text becomes, before it is kept.")
@click.argument("text")
def preview(text: str) -> None:
    """Of an invented campaign, for both channels."""
    try:
        check_push_text(text)
    except DomainError as refusal:
        raise explained(refusal) from None
    for channel in ChatChannel:
        click.echo(f"{channel.value}:\n{render_push(text, SAMPLE, channel)}")


@group.command("plan", help="Decide what goes into chat groups at an edge of a campaign.")
@click.argument("campaign_id", metavar="CAMPAIGN", type=click.UUID)
@click.option("--edge", "edges", type=EDGES, multiple=True, required=True)
@click.option("--template", "name", required=True, help="By name.")
@click.option("--channel", "channels", type=CHANNELS, multiple=True, help="Both unless given.")
@click.option("--chat-group", "only", type=click.UUID, multiple=True, help="All unless given.")
@click.option("--lead-minutes", type=int, default=LEAD // timedelta(minutes=1), show_default=True)
@click.option("--quiet-from", type=int, default=QUIET_FROM_MINUTE, help="Minute of the day.")
@click.option("--quiet-until", type=int, default=QUIET_UNTIL_MINUTE, help="Minute of the day.")
@click.option("--drop-when-quiet", is_flag=True, help="Do not send it in the morning instead.")
@ACTOR
def plan(
    campaign_id: UUID,
    edges: tuple[str, ...],
    name: str,
    channels: tuple[str, ...],
    only: tuple[UUID, ...],
    lead_minutes: int,
    quiet_from: int,
    quiet_until: int,
    drop_when_quiet: bool,
    actor: str,
) -> None:
    """All that is named is planned, or nothing."""
    ports = process.ports()
    try:
        with ports.begin() as session:
            text = queries.get_template(session, name)
            for edge in edges:
                for channel in channels or [one.value for one in ChatChannel]:
                    planning.plan_edge(
                        session,
                        campaign_id=campaign_id,
                        edge=PushEdge(edge),
                        channel=ChatChannel(channel),
                        template=text,
                        only=only or None,
                        lead=timedelta(minutes=lead_minutes),
                        quiet_from_minute=quiet_from,
                        quiet_until_minute=quiet_until,
                        when_quiet=WhenQuiet.DROP if drop_when_quiet else WhenQuiet.WAIT,
                        actor=actor,
                        now=ports.clock(),
                    )
    except DomainError as refusal:
        raise explained(refusal) from None


@group.command("plan-again", help="Plan for chat groups that came after the plans of a campaign.")
@click.argument("campaign_id", metavar="CAMPAIGN", type=click.UUID)
def plan_again(campaign_id: UUID) -> None:
    """Print how many pushes are new; what an edge has told already is not told late."""
    ports = process.ports()
    try:
        with ports.begin() as session:
            click.echo(late_groups.plan_again(session, campaign_id, now=ports.clock()))
    except DomainError as refusal:
        raise explained(refusal) from None


@group.command("looked", help="Say whether a push of which no answer came is in its group.")
@click.argument("push_id", metavar="PUSH", type=click.UUID)
@click.option("--there/--missing", "is_there", required=True, help="What somebody saw.")
@ACTOR
def looked(push_id: UUID, is_there: bool, actor: str) -> None:
    """It is not sent again: its leader can post the text."""
    ports = process.ports()
    try:
        with ports.begin() as session:
            note_look(session, push_id, is_there=is_there, actor=actor, now=ports.clock())
    except DomainError as refusal:
        raise explained(refusal) from None


@group.command("list", help="List a campaign's pushes in the order they come.")
@click.argument("campaign_id", metavar="CAMPAIGN", type=click.UUID)
@click.option("--status", type=STATUSES)
@click.option("--text", "with_text", is_flag=True, help="With what they say.")
def list_all(campaign_id: UUID, status: str | None, with_text: bool) -> None:
    """One line each: when, edge, chat group, how it stands, and why."""
    ports = process.ports()
    chosen = None if status is None else PushStatus(status)
    with ports.begin() as session:
        found = [push for push, _ in queries.list_pushes(session, campaign_id, status=chosen)]
        for each in list_copies(session, found, public_base_url=ports.public_base_url):
            click.echo(_line(each))
            if with_text:
                click.echo(f"{each.text}\n{each.poster_url}")


@group.command("results", help="Count how a campaign's pushes stand, per edge.")
@click.argument("campaign_id", metavar="CAMPAIGN", type=click.UUID)
def results(campaign_id: UUID) -> None:
    """One line for each edge."""
    with process.ports().begin() as session:
        counted = queries.count_results(session, campaign_id)
        for edge in PushEdge:
            words = [
                f"{counted[edge, status]} {status.value}"
                for status in PushStatus
                if (edge, status) in counted
            ]
            if words:
                click.echo(f"{edge.value}: {', '.join(words)}")


def _line(each: Copy) -> str:
    push = each.push
    words = [push.status.value]
    if not push.is_certain:
        words.append("no answer came")
    if push.reason or push.last_error:
        words.append(push.reason or push.last_error or "")
    when = push.planned_for.isoformat(timespec="seconds")
    return f"{when}  {push.id}  {push.edge.value:<12}{each.chat_group_name}  {'; '.join(words)}"
