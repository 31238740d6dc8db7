"""The commands of `flask …`, and an application that has these and nothing else."""

from typing import Final

from flask import Flask

from app.commands import (
    audit,
    campaigns,
    cards,
    catalog,
    commissions,
    flash_sale,
    groups,
    leaders,
    ledger,
    openapi,
    operators,
    outbox,
    processes,
    reconcile,
    refunds,
    sample,
    schedule,
    security,
    slots,
)

COMMANDS: Final = (
    audit.command,
    campaigns.group,
    cards.group,
    catalog.group,
    commissions.group,
    flash_sale.group,
    groups.group,
    leaders.group,
    ledger.group,
    openapi.command,
    operators.group,
    outbox.group,
    processes.scheduler,
    processes.worker,
    reconcile.command,
    reconcile.differences,
    refunds.group,
    sample.group,
    schedule.group,
    security.command,
    slots.group,
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
