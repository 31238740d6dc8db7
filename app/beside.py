"""An application with just the processes beside the web, which carry no command they do not run."""

from flask import Flask

from app.commands.processes import scheduler, worker


def create_app() -> Flask:
    """Return an application with `worker` and `scheduler`."""
    app = Flask("app", static_folder=None)
    app.cli.add_command(worker)
    app.cli.add_command(scheduler)
    return app
