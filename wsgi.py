"""The door handle: `application` for WSGI servers, which also has the commands of `flask …`."""

from app import cli, process
from app.factory import create_app
from app.wiring import make_ports, web_options

_settings = process.settings()

# Not called `app`, which is the package.
application = create_app(
    make_ports(_settings, connections=_settings.web_threads + 1, name="tuanka-web"),
    web_options(_settings),
)
cli.register(application)
