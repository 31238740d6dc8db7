"""`flask worker` and `flask scheduler`: the processes beside the web."""

from collections.abc import Callable
from typing import Final

import click

from app import process
from app.schedule import ALARMS, AT_ONCE
from app.scheduler import run_scheduler
from app.stopping import Stopping
from app.wiring import make_ports
from app.worker import run_worker
from shop.ports import Ports

WORKER_CONNECTIONS: Final = 2
# One for each alarm and for the heartbeat. Rows acted on at once need theirs between two calls
# only, some milliseconds of a tenth of a second: a sweep's worth of them is enough for all.
SCHEDULER_CONNECTIONS: Final = len(ALARMS) + 1 + AT_ONCE


def _run(run: Callable[[Ports, Stopping], None], *, connections: int, name: str) -> None:
    stopping = Stopping()
    stopping.listen()
    run(make_ports(process.settings(), connections=connections, name=name), stopping)


@click.command("worker", help="Bring events to their handlers until asked to stop.")
def worker() -> None:
    """Run a worker; any number may run."""
    _run(run_worker, connections=WORKER_CONNECTIONS, name="tuanka-worker")


@click.command("scheduler", help="Ring the sweeps until asked to stop.")
def scheduler() -> None:
    """Run a scheduler; two do no harm."""
    _run(run_scheduler, connections=SCHEDULER_CONNECTIONS, name="tuanka-scheduler")
