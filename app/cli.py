"""The commands of `flask …`: registered here, each finding settings and ports when it runs."""

from functools import cache

from flask import Flask

from app import logs
from app.wiring import make_ports
from config.settings import Settings, load_settings
from shop.ports import Ports

COMMAND_CONNECTIONS = 4


def create_app() -> Flask:
    """Return an application that has commands and nothing else; it needs no settings."""
    app = Flask("app", static_folder=None)
    register(app)
    return app


def register(app: Flask) -> None:
    """Give `app` every command of the product."""
    # Here, because the commands find settings and ports in this module.
    from app.commands import (  # noqa: PLC0415
        audit,
        cards,
        ledger,
        openapi,
        outbox,
        processes,
        reconcile,
        refunds,
        sample,
    )

    for command in (
        *processes.COMMANDS,
        audit.command,
        cards.group,
        ledger.group,
        openapi.command,
        outbox.group,
        reconcile.command,
        reconcile.differences,
        refunds.group,
        sample.group,
    ):
        app.cli.add_command(command)


@cache
def settings() -> Settings:
    """Return the settings, read once; `SystemExit` says what is wrong with them."""
    loaded = load_settings()
    logs.configure(level=loaded.log_level, form=loaded.log_format)
    return loaded


@cache
def ports() -> Ports:
    """Return the outside world as commands see it, made once."""
    return make_ports(settings(), connections=COMMAND_CONNECTIONS, name="tuanka-command")
