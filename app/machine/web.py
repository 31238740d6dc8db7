"""`python -m app.machine web` serves wsgi.py with Granian; its workers end when it does."""

import gc
import importlib
from typing import Any, Final

from granian import Granian
from granian.constants import Interfaces

from app import logs
from app.machine import figures
from app.machine.addresses import HOST
from app.machine.parent import end_with_parent
from config.settings import Settings

FINISH_SECONDS: Final = 4  # for the requests that are being answered
RESPAWN_AFTER_SECONDS: Final = 0.5
# No handlers of Granian's own: what it says goes up to ours.
_LOGGING: Final[dict[str, Any]] = {
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"handlers": [], "propagate": True}},
}


def serve(settings: Settings, *, address: str = HOST) -> None:
    """Serve until SIGTERM or SIGINT; a worker that crashes is logged and replaced."""
    logs.configure(level=settings.log_level, form=settings.log_format)
    figures.make_room(settings.var_dir / "figures")
    _load_for_workers()
    server = Granian(
        "wsgi",
        address=address,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.web_workers,
        blocking_threads=settings.web_threads,
        log_dictconfig=_LOGGING,
        respawn_failed_workers=True,
        respawn_interval=RESPAWN_AFTER_SECONDS,
        workers_kill_timeout=FINISH_SECONDS,
    )
    server.serve(target_loader=_application, wrap_loader=False)


def _load_for_workers() -> None:
    """Import what wsgi.py needs before the workers are forked, so that they share its memory."""
    # Not above: the library of the figures looks for their folder as it is imported.
    for name in ("app.cli", "app.factory", "app.wiring"):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection would touch every object, and so copy its page


def _application() -> Any:
    """Build the application in the worker process."""
    end_with_parent()  # else it would keep the port
    return importlib.import_module("wsgi").application
