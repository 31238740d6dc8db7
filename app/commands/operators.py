"""`flask operators …`: who may work in the console; credentials are told once, here."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click
from sqlalchemy.orm import Session

from app import process
from app.commands.plan_files import explained
from kit.errors import DomainError
from shop.operators import queries, service
from shop.operators.deeds import Doer
from shop.operators.models import Operator
from shop.operators.rules import Role
from shop.operators.secret_words import OperatorKeys
from shop.operators.service import Credentials

DOER = Doer("command")
FIRST = "admin"


@click.group("operators", help="Operators of the console.")
def group() -> None:
    """Hold the commands."""


@group.command("add", help="Make an operator; the credentials are shown once.")
@click.argument("name")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="What they do; may be given several times.",
)
def add(name: str, roles: tuple[str, ...]) -> None:
    """Password, secret for the authenticator application, recovery codes."""
    _show(
        _run(
            lambda session, now: service.add_operator(
                session, name=name, roles=roles, keys=_keys(), doer=DOER, now=now
            )
        )
    )


@group.command("first", help="Make the owner `admin` where there is no operator yet.")
def first() -> None:
    """Say nothing when there is one."""

    def act(session: Session, now: datetime) -> Credentials | None:
        if not queries.is_nobody(session):
            return None
        return service.add_operator(
            session, name=FIRST, roles=[Role.OWNER.value], keys=_keys(), doer=DOER, now=now
        )

    credentials = _run(act)
    if credentials is not None:
        _show(credentials)


@group.command("reset", help="Give an operator new credentials; every session of theirs ends.")
@click.argument("name")
def reset(name: str) -> None:
    """What they had opens nothing any more, and a lock-out is over."""
    _show(
        _run(
            lambda session, now: service.reset_operator(
                session, _find(session, name), keys=_keys(), doer=DOER, now=now
            )
        )
    )


@group.command("list", help="List the operators by name.")
def list_all() -> None:
    """One line each: name, status, roles."""
    with process.ports().begin() as session:
        for operator in queries.list_operators(session):
            click.echo(
                f"{operator.name:<32}  {operator.status.value:<8}  {', '.join(operator.roles)}"
            )


@group.command("disable", help="Let an operator in no more, from this moment.")
@click.argument("name")
def disable(name: str) -> None:
    """Their sessions end."""
    _run(
        lambda session, now: service.disable_operator(
            session, _find(session, name), doer=DOER, now=now
        )
    )
    click.echo(f"{name} is disabled")


@group.command("enable", help="Let a disabled operator in again.")
@click.argument("name")
def enable(name: str) -> None:
    """With the credentials they had."""
    _run(
        lambda session, now: service.enable_operator(
            session, _find(session, name), doer=DOER, now=now
        )
    )
    click.echo(f"{name} is enabled")


def _keys() -> OperatorKeys:
    return OperatorKeys.of(process.ports().token_hash_key)


def _find(session: Session, name: str) -> Operator:
    queries.manage_alone(session)
    operator = queries.find_by_name(session, name, lock=True)
    if operator is None:
        raise queries.OperatorNotFound
    return operator


def _show(credentials: Credentials) -> None:
    click.echo(f"operator       {credentials.name}")
    click.echo(f"password       {credentials.password}")
    click.echo(f"authenticator  {credentials.totp_secret}")
    click.echo(f"               {credentials.totp_uri}")
    click.echo(f"recovery       {' '.join(credentials.recovery_codes[:4])}")
    click.echo(f"               {' '.join(credentials.recovery_codes[4:])}")


def _run(act: Callable[[Session, datetime], Any]) -> Any:
    ports = process.ports()
    try:
        with ports.begin() as session:
            return act(session, ports.clock())
    except DomainError as refusal:
        raise explained(refusal) from None
