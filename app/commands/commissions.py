"""`flask commissions …`: what leaders are promised, and how each of them stands."""

from datetime import datetime
from typing import Final
from uuid import UUID

import click

from app import process
from app.commands.campaigns import ACTOR, MOMENT
from app.commands.plan_files import explained
from kit.errors import DomainError
from kit.money import Fen, to_yuan
from shop.catalog import queries as catalog
from shop.referral import queries, service
from shop.referral.models import CommissionEntry, CommissionRule
from shop.referral.rules import HOLDS_DAYS

PAGE: Final = 100
SUMS: Final = ("pending", "payable", "withdrawing", "paid", "debt")


@click.group("commissions", help="Commissions of leaders: the rules, and their statements.")
def group() -> None:
    """Hold the commands."""


@group.group("rule", help="What leaders earn; the most specific rule wins.")
def rule() -> None:
    """Hold the commands of rules."""


@rule.command("add", help="Promise a commission for orders placed from now on; print its id.")
@click.option("--basis-points", type=int, help="A share of the price: 100 are one per cent.")
@click.option("--fixed-fen", type=int, help="An amount for each unit instead.")
@click.option("--campaign", "campaign_id", type=click.UUID, help="Only what it sells.")
@click.option("--sku", help="Only this SKU, by code or id.")
@click.option("--leader", "leader_id", type=click.UUID, help="Only this leader.")
@click.option("--holds-days", type=int, default=HOLDS_DAYS, help="From delivery to payable.")
@click.option("--starts-at", type=MOMENT, help="Not from now on, but from then.")
@click.option("--ends-at", type=MOMENT, help="Until then; else until it is ended.")
@ACTOR
def add(
    basis_points: int | None,
    fixed_fen: int | None,
    campaign_id: UUID | None,
    sku: str | None,
    leader_id: UUID | None,
    holds_days: int,
    starts_at: datetime | None,
    ends_at: datetime | None,
    actor: str,
) -> None:
    """Orders that are placed already keep what they were placed under."""
    ports = process.ports()
    now = ports.clock()
    try:
        with ports.begin() as session:
            sold = None if sku is None else catalog.find_sku(session, sku)
            if sku is not None and sold is None:
                raise click.ClickException(f"there is no SKU {sku}")
            made = service.add_rule(
                session,
                campaign_id=campaign_id,
                sku_id=None if sold is None else sold.id,
                leader_id=leader_id,
                basis_points=basis_points,
                fixed_fen=None if fixed_fen is None else Fen(fixed_fen),
                holds_days=holds_days,
                starts_at=starts_at or now,
                ends_at=ends_at,
                actor=actor,
                now=now,
            )
    except DomainError as refusal:
        raise explained(refusal) from None
    click.echo(made.id)


@rule.command("list", help="List every rule, the newest first.")
def list_all() -> None:
    """One line each: id, how much, for what, from when to when, by whom."""
    with process.ports().begin() as session:
        for each in queries.list_rules(session):
            click.echo(_rule_line(each))


@rule.command("end", help="End a rule; what was earned by it stays.")
@click.argument("rule_id", metavar="RULE", type=click.UUID)
def end(rule_id: UUID) -> None:
    """Orders placed from now on earn nothing by it."""
    ports = process.ports()
    try:
        with ports.begin() as session:
            service.end_rule(session, rule_id, now=ports.clock())
    except DomainError as refusal:
        raise explained(refusal) from None


@group.command("statement", help="Print a leader's statement and sums, in yuan.")
@click.argument("member_id", metavar="MEMBER", type=click.UUID)
def statement(member_id: UUID) -> None:
    """Oldest last; the five columns add up to the last line."""
    click.echo(f"{'':<44}" + "".join(f"{name:>14}" for name in SUMS))
    cursor: str | None = None
    with process.ports().begin() as session:
        while True:
            page = queries.list_entries(session, member_id, cursor=cursor, limit=PAGE)
            for entry in page.items:
                click.echo(_entry_line(entry))
            cursor = page.next_cursor
            if cursor is None:
                break
        sums = queries.find_earnings(session, member_id)
        click.echo(f"{'sum':<44}" + _columns(sums))


def _entry_line(entry: CommissionEntry) -> str:
    return f"{entry.at.isoformat(timespec='seconds'):<30}{entry.kind.value:<14}" + _columns(entry)


def _columns(row: object) -> str:
    return "".join(f"{to_yuan(getattr(row, f'{name}_fen')):>14}" for name in SUMS)


def _rule_line(each: CommissionRule) -> str:
    amount = f"{each.basis_points} bp" if each.basis_points is not None else f"{each.fixed_fen} fen"
    scope = [
        f"{name} {value}"
        for name, value in (
            ("leader", each.leader_id),
            ("campaign", each.campaign_id),
            ("sku", each.sku_id),
        )
        if value is not None
    ]
    ends = "" if each.ends_at is None else each.ends_at.isoformat()
    return (
        f"{each.id}  {amount:<9}  {', '.join(scope) or 'everything'}"
        f"  {each.starts_at.isoformat()}/{ends}  holds {each.holds_days} days  {each.created_by}"
    )
