"""The commands of `flask …`, and an application that has these and nothing else."""

from typing import Final

from flask import Flask

from app.commands import (
    audit,
    campaigns,
    cards,
    catalog,
    chat_groups,
    commissions,
    flash_sale,
    groups,
    leaders,
    ledger,
    members,
    notices,
    openapi,
    operators,
    outbox,
    processes,
    pushes,
    reconcile,
    refunds,
    sample,
    schedule,
    security,
    slots,
    withdrawals,
)

COMMANDS: Final = (
    audit.command,
    campaigns.group,
    cards.group,
    catalog.group,
    chat_groups.group,
    commissions.group,
    flash_sale.group,
    groups.group,
    leaders.group,
    ledger.group,
    members.group,
    notices.group,
    openapi.command,
    operators.group,
    outbox.group,
    processes.scheduler,
    processes.worker,
    pushes.group,
    reconcile.command,
    reconcile.differences,
    refunds.group,
    sample.group,
    schedule.group,
    security.command,
    slots.group,
    withdrawals.group,
)


def create_app() -> Flask:
    """Return an application with the commands; each finds settings and ports when it runs."""
    app = Flask("app", static_folder=None)
    register(app)
    return app


def register(app: Flask) -> None:
    """Give `app` every command of the product."""
    for command in COMMANDS:
        app.cli.add_command(command)
