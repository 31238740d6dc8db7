"""`flask reconcile` and `flask differences`: bills against our payments and the ledger."""

import json
from datetime import date, datetime, timedelta
from uuid import UUID

import click

from app import process
from kit.clock import business_date
from shop.payments.gateway import Channel, GatewayError
from shop.settlement import jobs, queries, service
from shop.settlement.models import Difference, DifferenceStatus


def _day(text: str | None) -> date:
    if text is None:
        return business_date(process.ports().clock()) - timedelta(days=1)
    return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a business day has no zone


@click.command("reconcile", help="Fetch the bills of a day and list what does not match.")
@click.option(
    "--date", "day", metavar="YYYY-MM-DD", help="The day in Shanghai; yesterday if not given."
)
@click.option(
    "--channel",
    "channels",
    type=click.Choice([channel.value for channel in Channel]),
    multiple=True,
    help="Only this channel.",
)
def command(day: str | None, channels: tuple[str, ...]) -> None:
    """Exit code 1 when anything is open or a bill cannot be had."""
    try:
        wanted = _day(day)
    except ValueError:
        raise click.BadParameter("a day is written as 2026-06-18") from None
    ports, failed = process.ports(), False
    for channel in [Channel(name) for name in channels] or list(ports.gateways):
        try:
            jobs.reconcile(
                ports.begin,
                ports.gateways,
                channel=channel,
                day=wanted,
                payer_hash_key=ports.payer_hash_key,
                now=ports.clock(),
            )
        except GatewayError as error:
            failed = True
            click.echo(f"{channel.value} {wanted}: no bill ({error.code or error})")
            continue
        with ports.begin() as session:
            still_open = queries.list_differences(
                session, channel=channel, day=wanted, status=DifferenceStatus.OPEN
            )
        failed = failed or bool(still_open)
        click.echo(f"{channel.value} {wanted}: {len(still_open)} differences")
        for difference in still_open:
            click.echo("  " + _line(difference))
    if failed:
        raise SystemExit(1)


@click.group("differences", help="What bills and books disagree about.")
def differences() -> None:
    """Hold the commands."""


@differences.command("list", help="List the open ones.")
def list_open() -> None:
    """One line each."""
    with process.ports().begin() as session:
        for difference in queries.list_differences(session, status=DifferenceStatus.OPEN):
            click.echo(_line(difference))


@differences.command("resolve", help="Close one, saying why it is in order.")
@click.argument("difference_id", type=click.UUID)
@click.option("--why", required=True, help="What was found out.")
def resolve(difference_id: UUID, why: str) -> None:
    """Keep the words with the difference."""
    ports = process.ports()
    with ports.begin() as session:
        found = session.get(Difference, difference_id, with_for_update=True)
        if found is None or found.status is not DifferenceStatus.OPEN:
            raise click.ClickException("there is no such open difference")
        service.resolve_difference(session, found, resolution=why, now=ports.clock())


def _line(difference: Difference) -> str:
    detail = json.dumps(difference.detail, ensure_ascii=False, sort_keys=True)
    return (
        f"{difference.id}  {difference.day}  {difference.channel.value}  "
        f"{difference.kind.value}  {difference.number}  {detail}"
    )
