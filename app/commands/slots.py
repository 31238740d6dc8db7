"""`flask slots …`: templates that make a campaign on each day they name."""

from pathlib import Path
from uuid import UUID

import click

from app import process
from app.commands.campaigns import ACTOR
from app.commands.plan_files import explained, read_plan
from app.plans import SlotTemplate
from kit.errors import DomainError
from shop.campaigns import queries, slots
from shop.campaigns.models import Slot

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@click.group("slots", help="Slots: the same campaign again on each day they name.")
def group() -> None:
    """Hold the commands."""


@group.command("open", help="Open a slot from a plan; print its id.")
@click.argument("plan", metavar="PLAN.json", type=click.Path(exists=True, dir_okay=False))
@ACTOR
def open_slot(plan: str, actor: str) -> None:
    """Its campaigns are copies of the plan's; the scheduler makes each ahead of its start."""
    template = read_plan(Path(plan), SlotTemplate)
    ports = process.ports()
    try:
        with ports.begin() as session:
            model = queries.lock_campaign(session, template.campaign_id)
            slot = slots.open_slot(
                session, model, template.plan(), name=template.name, actor=actor, now=ports.clock()
            )
    except DomainError as refusal:
        raise explained(refusal) from None
    click.echo(slot.id)


@group.command("close", help="Make no more campaigns from a slot; those that are made stay.")
@click.argument("slot_id", type=click.UUID)
def close(slot_id: UUID) -> None:
    """A campaign that is made already is called off by `flask campaigns cancel`."""
    try:
        with process.ports().begin() as session:
            slots.close_slot(session, slot_id)
    except DomainError as refusal:
        raise explained(refusal) from None


@group.command("list", help="List slots, newest first.")
def list_all() -> None:
    """One line each: id, the next day or that it is closed, when, how long, what is copied."""
    with process.ports().begin() as session:
        for slot in queries.list_slots(session):
            click.echo(_line(slot))


def _line(slot: Slot) -> str:
    state = "closed" if slot.due_at is None else f"next {slot.next_on.isoformat()}"
    hour, minute = divmod(slot.starts_minute, 60)
    days = ",".join(DAYS[day] for day in slot.weekdays["days"])
    return (
        f"{slot.id}  {state:<15}  {hour:02}:{minute:02}  {slot.lasts_seconds} s  {days}  "
        f"copies {slot.model_id}  {slot.name}"
    )
