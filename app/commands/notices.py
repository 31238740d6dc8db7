"""`flask notices …`: how platforms word what single members are told."""

import click

from app import process
from app.commands.campaigns import ACTOR
from app.commands.plan_files import explained
from kit.errors import DomainError
from shop.members.platforms import Platform
from shop.outreach.inbox import templates
from shop.outreach.inbox.models import NoticeKind

KINDS = click.Choice([kind.value for kind in NoticeKind])
PLATFORMS = click.Choice([platform.value for platform in Platform])


@click.group("notices", help="Messages to single members.")
def group() -> None:
    """Hold the commands."""


@group.command("template", help="Have a platform carry a kind of message by its template.")
@click.argument("kind", type=KINDS)
@click.argument("platform", type=PLATFORMS)
@click.argument("template_id", metavar="TEMPLATE_ID")
@click.option(
    "--field", "fields", nargs=2, multiple=True, required=True, help='As thing1 "{campaign}".'
)
@ACTOR
def template(
    kind: str, platform: str, template_id: str, fields: tuple[tuple[str, str], ...], actor: str
) -> None:
    """Without a template the kind is told in the inbox alone."""
    ports = process.ports()
    try:
        with ports.begin() as session:
            templates.set_template(
                session,
                NoticeKind(kind),
                Platform(platform),
                template_id=template_id,
                fields=dict(fields),
                actor=actor,
                now=ports.clock(),
            )
    except DomainError as refusal:
        raise explained(refusal) from None


@group.command("list", help="List the platforms' templates.")
def list_all() -> None:
    """One line each: kind, platform, template, fields."""
    with process.ports().begin() as session:
        for each in templates.list_templates(session):
            fields = ", ".join(f"{field}={text}" for field, text in sorted(each.fields.items()))
            click.echo(f"{each.kind.value}  {each.platform.value}  {each.template_id}  {fields}")
