"""The scheduler process: APScheduler rings the sweeps; the rows are the schedule."""

import logging

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import SQLAlchemyError

from app.schedule import ALARMS, Alarm
from app.stopping import Stopping
from app.worker import BEAT_EVERY_SECONDS, beat
from shop.ports import Ports

log = logging.getLogger(__name__)


def run_scheduler(ports: Ports, stopping: Stopping) -> None:
    """Ring every alarm until stopped; then let the sweeps that are running finish."""
    scheduler = make_scheduler(ports)
    scheduler.start()
    log.info("scheduler started")
    while True:
        try:
            beat(ports, "scheduler")
        except SQLAlchemyError:
            log.exception("the database does not answer")
        if stopping.wait(BEAT_EVERY_SECONDS):
            break
    scheduler.shutdown(wait=True)
    log.info("scheduler stopped")


def make_scheduler(ports: Ports) -> BackgroundScheduler:
    """Return the alarm clock, not started. Nothing in it outlives the process."""
    scheduler = BackgroundScheduler(
        jobstores={"default": MemoryJobStore()},
        executors={"default": ThreadPoolExecutor(len(ALARMS))},
        # A sweep that is still running is not rung again; missed rings become one.
        job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
        timezone="UTC",
    )
    for alarm in ALARMS:
        scheduler.add_job(
            ring, "interval", seconds=alarm.every_seconds, args=[ports, alarm], id=alarm.name
        )
    return scheduler


def ring(ports: Ports, alarm: Alarm) -> None:
    """Run one sweep; whatever goes wrong is logged, and the rows stay due for the next ring."""
    try:
        alarm.sweep(ports, ports.clock())
    except Exception:
        log.exception("sweep failed", extra={"sweep": alarm.name})
