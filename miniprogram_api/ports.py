"""How a route reaches the outside world that the roof assembled."""

from typing import cast

from flask import current_app

from shop.ports import Ports


def ports() -> Ports:
    """Return the ports of the application that serves this request."""
    return cast("Ports", current_app.extensions["ports"])
