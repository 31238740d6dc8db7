"""The worker process: relays the outbox to the handlers until it is asked to stop."""

import logging
import os
import socket
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from app.reactions import REACTIONS
from app.stopping import Stopping
from kit import heartbeat
from kit.clock import monotonic_seconds
from kit.outbox import relay
from shop.ports import Ports

log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 0.2
OUTAGE_SECONDS: Final = 2.0
BEAT_EVERY_SECONDS: Final = 3.0


def process_name() -> str:
    """Return a name that tells this process from others of its kind."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}"


def beat(ports: Ports, kind: str) -> None:
    """Say that this process is alive."""
    with ports.begin() as session:
        heartbeat.beat(session, kind=kind, process=process_name(), now=ports.clock())


def run_worker(ports: Ports, stopping: Stopping) -> None:
    """Relay until stopped; an outage of the database is waited out, never a reason to end."""
    log.info("worker started")
    last_beat = float("-inf")
    while not stopping.is_set:
        try:
            if monotonic_seconds() - last_beat > BEAT_EVERY_SECONDS:
                beat(ports, "worker")
                last_beat = monotonic_seconds()
            taken = relay(ports.begin, REACTIONS, now=ports.clock())
        except SQLAlchemyError:
            log.exception("the database does not answer")
            stopping.wait(OUTAGE_SECONDS)
            continue
        if not taken:
            stopping.wait(IDLE_SECONDS)
    log.info("worker stopped")
