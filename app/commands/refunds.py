"""`flask refunds …`: refunds that wait for a person, and trying one again."""

import click

from app import process
from kit.errors import DomainError
from shop.payments import queries, service


@click.group("refunds", help="Refunds that wait for a person.")
def group() -> None:
    """Hold the commands."""


@group.command("stuck", help="List refunds that the platform does not complete.")
def stuck() -> None:
    """One line each: number, amount in fen, why."""
    with process.ports().begin() as session:
        for refund in queries.list_stuck_refunds(session):
            click.echo(
                f"{refund.out_refund_no}  order {refund.order_id}  {refund.amount_fen} fen  "
                f"{refund.attempts} attempts  {refund.last_error or ''}"
            )


@group.command("retry", help="Send a stuck refund again, under the same number.")
@click.argument("number")
def retry(number: str) -> None:
    """The sweep takes it up."""
    ports = process.ports()
    try:
        with ports.begin() as session:
            refund = queries.find_refund_by_number(session, number)
            if refund is None:
                raise click.ClickException("there is no such refund")
            session.refresh(refund, with_for_update=True)
            service.retry_refund(session, refund, now=ports.clock())
    except DomainError as refusal:
        raise click.ClickException(refusal.title) from None
    click.echo(f"{number} is sent again")
