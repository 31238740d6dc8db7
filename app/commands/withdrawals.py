"""`flask withdrawals …`: what leaders want to be paid, and an operator's word on large ones."""

from uuid import UUID

import click

from app import process
from app.commands.campaigns import ACTOR
from app.commands.plan_files import explained
from kit.errors import DomainError
from shop.withdrawals import queries, service
from shop.withdrawals.models import Withdrawal, WithdrawalStatus


@click.group("withdrawals", help="Withdrawals of leaders.")
def group() -> None:
    """Hold the commands."""


@group.command("list", help="List open withdrawals, whoever waited longest first.")
@click.option("--in-review", is_flag=True, help="Only those that wait for an operator.")
def list_open(in_review: bool) -> None:
    """One line each: id, number, member, channel, status, amount in fen, tries, what is wrong."""
    only = WithdrawalStatus.IN_REVIEW if in_review else None
    with process.ports().begin() as session:
        for each in queries.list_open(session, only):
            click.echo(_line(each))


@group.command("approve", help="Have a withdrawal in review sent.")
@click.argument("withdrawal_id", metavar="WITHDRAWAL", type=click.UUID)
@ACTOR
def approve(withdrawal_id: UUID, actor: str) -> None:
    """The sweep takes it up."""
    ports = process.ports()
    try:
        with ports.begin() as session:
            done = service.approve(session, withdrawal_id, actor=actor, now=ports.clock())
    except DomainError as refusal:
        raise explained(refusal) from None
    is_sent = done.status is WithdrawalStatus.APPROVED
    click.echo(f"{done.out_bill_no} is {'sent' if is_sent else 'cancelled: its leader owes'}")


@group.command("reject", help="Give a withdrawal in review back; its leader sees why.")
@click.argument("withdrawal_id", metavar="WITHDRAWAL", type=click.UUID)
@click.option("--why", required=True, help="For the leader to read.")
@ACTOR
def reject(withdrawal_id: UUID, why: str, actor: str) -> None:
    """The amount is payable again."""
    ports = process.ports()
    try:
        with ports.begin() as session:
            done = service.reject(session, withdrawal_id, why=why, actor=actor, now=ports.clock())
    except DomainError as refusal:
        raise explained(refusal) from None
    click.echo(f"{done.out_bill_no} is rejected")


@group.command("ask-again", help="Have the platform asked at once about one that was sent.")
@click.argument("withdrawal_id", metavar="WITHDRAWAL", type=click.UUID)
def ask_again(withdrawal_id: UUID) -> None:
    """For an unknown result; the sweep asks under the same number."""
    ports = process.ports()
    try:
        with ports.begin() as session:
            done = service.ask_again(session, withdrawal_id, now=ports.clock())
    except DomainError as refusal:
        raise explained(refusal) from None
    click.echo(f"{done.out_bill_no} is asked about")


def _line(each: Withdrawal) -> str:
    return (
        f"{each.id}  {each.out_bill_no}  member {each.member_id}  {each.channel.value}"
        f"  {each.status.value}  {each.amount_fen} fen  {each.attempts} tries"
        f"  {each.last_error or ''}"
    ).rstrip()
