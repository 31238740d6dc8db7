"""`flask worker` and `flask scheduler`: the processes beside the web."""

from collections.abc import Callable
from typing import Final

import click

from app import process
from app.schedule import ALARMS
from app.scheduler import run_scheduler
from app.stopping import Stopping
from app.wiring import make_ports
from app.worker import run_worker
from shop.ports import Ports

WORKER_CONNECTIONS: Final = 2


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
    _run(run_scheduler, connections=len(ALARMS) + 1, name="tuanka-scheduler")
