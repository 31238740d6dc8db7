"""`flask campaigns …`: plan, dry-run, publish, copy, pause, cancel, stop everything."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from sqlalchemy.orm import Session

from app import process
from app.commands.plan_files import explained, read_plan
from app.plain import as_json
from app.plans import CampaignPlan
from app.selling import WAYS
from kit.errors import DomainError
from shop.campaigns import queries, service, stops
from shop.campaigns.models import Campaign, CampaignStatus
from shop.campaigns.planning import DryRun
from shop.campaigns.rules import Window

MOMENT = click.DateTime(formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"])
MOST_OF_A_NAME = 64  # characters, as the record has room for


def _name(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Return a person's name as it is written down."""
    if value is None:
        return None
    if not 1 <= len(value.strip()) <= MOST_OF_A_NAME:
        raise click.BadParameter(f"a name has 1 to {MOST_OF_A_NAME} characters")
    return value.strip()


ACTOR = click.option(
    "--by", "actor", default="operator", callback=_name, help="Who says so, for the record."
)
APPROVER = click.option(
    "--approved-by", callback=_name, help="The second person, for a price below cost."
)


@click.group("campaigns", help="Campaigns: plan, publish, watch, stop.")
def group() -> None:
    """Hold the commands."""


@group.command("dry-run", help="Show what publishing would mean, as JSON; nothing stays.")
@click.argument("what", metavar="PLAN.json|CAMPAIGN")
def dry_run(what: str) -> None:
    """Exit code 1 when something stands in the way."""
    ports = process.ports()
    forecast: DryRun | None = None
    try:
        with ports.begin() as session:
            campaign = _find_or_draft(session, what, actor="dry-run")
            forecast = WAYS[campaign.kind].dry_run(
                session, campaign, fee_basis_points=ports.fee_basis_points, now=ports.clock()
            )
            raise _Undo
    except _Undo:
        pass
    except DomainError as refusal:
        raise explained(refusal) from None
    assert forecast is not None  # noqa: S101 - set before `_Undo` is raised
    click.echo(json.dumps(as_json(forecast), ensure_ascii=False))
    if forecast.blockers:
        raise SystemExit(1)


@group.command("schedule", help="Publish a plan, or a draft; print the campaign's id.")
@click.argument("what", metavar="PLAN.json|CAMPAIGN")
@APPROVER
@ACTOR
def schedule(what: str, approved_by: str | None, actor: str) -> None:
    """Its codes are set aside and its rules stand from now on."""

    def act(session: Session, now: datetime) -> Campaign:
        campaign = _find_or_draft(session, what, actor=actor)
        _publish(session, campaign, actor=actor, approved_by=approved_by, now=now)
        return campaign

    click.echo(_run(act).id)


@group.command("copy", help="Publish the same campaign again for another window; print its id.")
@click.argument("campaign_id", type=click.UUID)
@click.option("--starts-at", type=MOMENT, required=True, help="As 2026-06-18T20:00:00+0800.")
@click.option("--name", help="Another name.")
@APPROVER
@ACTOR
def copy(
    campaign_id: UUID,
    starts_at: datetime,
    name: str | None,
    approved_by: str | None,
    actor: str,
) -> None:
    """It lasts and warms up as long as the first one."""

    def act(session: Session, now: datetime) -> Campaign:
        source = queries.lock_campaign(session, campaign_id)
        warms = source.starts_at - source.warms_at if source.warms_at else None
        window = Window(
            starts_at,
            starts_at + (source.ends_at - source.starts_at),
            None if warms is None else starts_at - warms,
        )
        copied = WAYS[source.kind].copy(
            session, source, window=window, name=name, actor=actor, now=now
        )
        _publish(session, copied, actor=actor, approved_by=approved_by, now=now)
        return copied

    click.echo(_run(act).id)


@group.command("list", help="List campaigns, newest first.")
@click.option("--status", type=click.Choice([status.value for status in CampaignStatus]))
@click.option("--limit", type=click.IntRange(1, 100), default=50)
def list_all(status: str | None, limit: int) -> None:
    """One line each."""
    wanted = tuple(CampaignStatus) if status is None else (CampaignStatus(status),)
    with process.ports().begin() as session:
        for campaign in queries.list_campaigns(session, statuses=wanted, limit=limit).items:
            click.echo(
                f"{campaign.id}  {campaign.status.value:<9}  {campaign.starts_at.isoformat()}  "
                f"{campaign.ends_at.isoformat()}  {campaign.name}"
            )


@group.command("pause", help="Refuse buyers until resumed.")
@click.argument("campaign_id", type=click.UUID)
@click.option("--why", required=True, help="What members are told.")
@ACTOR
def pause(campaign_id: UUID, why: str, actor: str) -> None:
    """Groups that are open go on filling when it is resumed; their time runs on."""
    _change(
        campaign_id,
        lambda session, campaign, now: service.pause_campaign(
            session, campaign, reason=why, actor=actor, now=now
        ),
    )


@group.command("resume", help="Take buyers again.")
@click.argument("campaign_id", type=click.UUID)
@ACTOR
def resume(campaign_id: UUID, actor: str) -> None:
    """Undo a pause."""
    _change(
        campaign_id,
        lambda session, campaign, now: service.resume_campaign(
            session, campaign, actor=actor, now=now
        ),
    )


@group.command("cancel", help="Call off a campaign that has not opened.")
@click.argument("campaign_id", type=click.UUID)
@ACTOR
def cancel(campaign_id: UUID, actor: str) -> None:
    """Its codes are free again."""
    _change(
        campaign_id,
        lambda session, campaign, now: service.cancel_campaign(
            session, campaign, actor=actor, now=now
        ),
    )


@group.command("stop-all", help="Pause everything that sells, and whatever opens later.")
@click.option("--why", required=True, help="What members are told.")
@ACTOR
def stop_all(why: str, actor: str) -> None:
    """Say how many are paused now."""
    count = _run(lambda session, now: stops.stop_all(session, why=why, actor=actor, now=now))
    click.echo(f"{count} campaigns paused")


@group.command("lift-stop", help="End the emergency stop; resume what it paused.")
@ACTOR
def lift_stop(actor: str) -> None:
    """Say how many go on."""
    count = _run(lambda session, now: stops.lift_stop(session, actor=actor, now=now))
    click.echo(f"{count} campaigns resumed")


class _Undo(Exception):
    """Raised to leave a transaction without a trace."""


def _find_or_draft(session: Session, what: str, *, actor: str) -> Campaign:
    path = Path(what)
    if not path.is_file():
        try:
            return queries.lock_campaign(session, UUID(what))
        except ValueError:
            raise click.ClickException(f"{what} is neither a file nor a campaign's id") from None
    plan = read_plan(path, CampaignPlan)
    return plan.write_down(session, actor=actor, now=process.ports().clock())


def _publish(
    session: Session, campaign: Campaign, *, actor: str, approved_by: str | None, now: datetime
) -> None:
    WAYS[campaign.kind].schedule(
        session,
        campaign,
        fee_basis_points=process.ports().fee_basis_points,
        actor=actor,
        approved_by=approved_by,
        now=now,
    )


def _change(campaign_id: UUID, act: Callable[[Session, Campaign, datetime], None]) -> None:
    _run(lambda session, now: act(session, queries.lock_campaign(session, campaign_id), now))


def _run(act: Callable[[Session, datetime], Any]) -> Any:
    ports = process.ports()
    try:
        with ports.begin() as session:
            return act(session, ports.clock())
    except DomainError as refusal:
        raise explained(refusal) from None
