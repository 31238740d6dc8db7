"""`python -m app.machine lane` serves the claim lane with uvicorn; a dead worker is replaced."""

import gc
import sys
from typing import Any, Final

import uvicorn
from uvicorn.supervisors import Multiprocess

from app import logs
from app.machine import figures
from app.machine.addresses import HOST
from app.machine.parent import end_with_parent
from config.settings import Settings, load_settings

FINISH_SECONDS: Final = 4  # for the claims that are being written
BACKLOG: Final = 4096  # a rush comes in one moment
KEEP_ALIVE_SECONDS: Final = 75  # members wait for the opening with a connection that is open
# Requests leave nothing behind that only a collection would find, so it may come seldom.
GARBAGE_AFTER: Final = 20_000
# A thread that writes must not keep the event loop waiting for its turn for long.
SWITCH_SECONDS: Final = 0.001


def serve(settings: Settings, *, address: str = HOST) -> None:
    """Serve until SIGTERM or SIGINT."""
    logs.configure(level=settings.log_level, form=settings.log_format)
    figures.make_room(settings.var_dir / "figures-lane")
    config = uvicorn.Config(
        "app.machine.lane:application",
        factory=True,
        host=address,
        port=settings.lane_port,
        workers=settings.lane_workers,
        loop="uvloop",
        http="app.lane.quick:QuickProtocol",
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=FINISH_SECONDS,
    )
    Multiprocess(config, sockets=[config.bind_socket()]).run()


def application() -> Any:
    """Build the application in the worker process."""
    # Not above: the library of the figures looks for their folder as it is imported.
    from app.lane.making import make_lane  # noqa: PLC0415 - see above
    from app.lane.quick import QuickProtocol  # noqa: PLC0415 - see above

    settings = load_settings()
    logs.configure(level=settings.log_level, form=settings.log_format)
    end_with_parent()
    lane = make_lane(settings)
    QuickProtocol.lane = lane
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER)
    return lane
