"""`python -m app.machine lane` serves the claim lane with uvicorn; a dead worker is replaced."""

import gc
import logging
import multiprocessing
import multiprocessing.connection
import socket
import sys
from multiprocessing.context import SpawnProcess
from typing import Any, Final

import uvicorn

from app import logs
from app.machine import figures
from app.machine.addresses import HOST
from app.machine.parent import end_with_parent
from app.machine.refusal import CannotRun
from app.stopping import Stopping
from config.settings import Settings, load_settings
from kit.clock import monotonic_seconds

log = logging.getLogger(__name__)

APPLICATION: Final = "app.machine.lane:application"
FINISH_SECONDS: Final = 4  # for the claims that are being written
KILL_SECONDS: Final = FINISH_SECONDS + 1.5
WATCH_SECONDS: Final = 0.2
# A worker that cannot even start would only be started again and again.
CANNOT_START: Final = 3
BACKLOG: Final = 4096  # a rush comes in one moment
KEEP_ALIVE_SECONDS: Final = 75  # members wait for the opening with a connection that is open
# Requests leave nothing behind that only a collection would find, so it may come seldom.
GARBAGE_AFTER: Final = 20_000
# A thread that writes must not keep the event loop waiting for its turn for long.
SWITCH_SECONDS: Final = 0.001


def serve(settings: Settings, *, address: str = HOST, application: str = APPLICATION) -> None:
    """Serve until SIGTERM or SIGINT; `CannotRun` when a worker cannot start.

    Each worker builds the application that `application` names, `module:function`.
    """
    logs.configure(level=settings.log_level, form=settings.log_format)
    figures.make_room(settings.var_dir / "figures-lane")
    stopping = Stopping()
    stopping.listen()
    # A socket for each: whoever shares one leaves most connections to whoever is first.
    ears = [_listen(address, settings.lane_port) for _ in range(settings.lane_workers)]
    workers = [_start(ear, application) for ear in ears]
    try:
        while not stopping.wait(WATCH_SECONDS):
            for place, worker in enumerate(workers):
                if worker.exitcode is not None:
                    workers[place] = _replace(worker, ears[place], application)
    finally:
        _end(workers)


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


def _listen(address: str, port: int) -> socket.socket:
    """Return a socket among whose kind the kernel shares out connections."""
    kind = socket.AF_INET6 if ":" in address else socket.AF_INET
    ear = socket.socket(kind, socket.SOCK_STREAM)
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        ear.bind((address, port))
    except OSError as error:
        raise CannotRun(f"{address}:{port}: {error.strerror}") from None
    return ear


def _start(ear: socket.socket, application: str) -> SpawnProcess:
    context = multiprocessing.get_context("spawn")
    worker = context.Process(target=_work, args=(ear, application), daemon=True)
    worker.start()
    return worker


def _replace(worker: SpawnProcess, ear: socket.socket, application: str) -> SpawnProcess:
    """Start another for one that has ended; connections wait at its socket meanwhile."""
    if worker.exitcode == CANNOT_START:
        raise CannotRun("a worker of the lane cannot start: its log says why")
    log.error("a worker of the lane has ended", extra={"exit_code": worker.exitcode})
    return _start(ear, application)


def _end(workers: list[SpawnProcess]) -> None:
    """Let each finish what it has begun; who takes too long is killed."""
    for worker in workers:
        worker.terminate()
    since = monotonic_seconds()
    for worker in workers:
        worker.join(max(0.0, since + KILL_SECONDS - monotonic_seconds()))
        if worker.exitcode is None:
            worker.kill()
            worker.join()


def _work(ear: socket.socket, application: str) -> None:
    """Serve in this process."""
    config = uvicorn.Config(
        application,
        factory=True,
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
    server = uvicorn.Server(config)
    server.run(sockets=[ear])
    if not server.started:
        sys.exit(CANNOT_START)
