"""`flask ledger …`: the balances of the money ledger, and the proof that they add up."""

import click

from app import process
from kit.money import Fen, to_yuan
from shop.ledger import queries
from shop.ledger.proofs import prove
from shop.ledger.rules import is_debit_kind


@click.group("ledger", help="The money ledger.")
def group() -> None:
    """Hold the commands."""


@group.command("balances", help="Show the balance of every account, in yuan.")
def balances() -> None:
    """Show debits less credits on the side where the account normally stands."""
    with process.ports().begin() as session:
        for balance in queries.list_balances(session):
            sign = 1 if is_debit_kind(balance.kind) else -1
            name = f"{balance.kind.value}:{balance.owner}".rstrip(":")
            amount = to_yuan(Fen(sign * balance.debits_less_credits_fen))
            click.echo(f"{name:<24}{amount:>16}")


@group.command("verify", help="Prove the books; exit code 1 when they do not add up.")
def verify() -> None:
    """Say which proof failed, if any."""
    with process.ports().begin() as session:
        failures = prove(session)
    for failure in failures:
        click.echo(failure)
    if failures:
        raise SystemExit(1)
    click.echo("the ledger adds up")
