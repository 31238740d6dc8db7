"""The settings and ports of this process, each made once, when first asked for."""

from functools import cache

from app import logs
from app.wiring import make_ports
from config.settings import Settings, load_settings
from shop.ports import Ports

COMMAND_CONNECTIONS = 4


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
