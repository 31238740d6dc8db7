"""The sweeps of exports: files are written, and deleted when their time is over."""

from datetime import datetime
from uuid import UUID

from kit.clock import Clock
from kit.db import Begin
from kit.sweep import Swept, is_due, sweep
from shop.exports import queries, service, writing
from shop.exports.models import ExportStatus


def write_due_exports(begin: Begin, *, clock: Clock, now: datetime) -> Swept:
    """Write what operators asked for, one after the other; a large one takes minutes."""

    def act(export_id: UUID) -> None:
        writing.write(begin, export_id, clock=clock)

    return sweep(begin, queries.due_to_write(now), act, name="write_due_exports")


def delete_due_exports(begin: Begin, *, now: datetime) -> Swept:
    """Delete files that were kept for long enough."""

    def act(export_id: UUID) -> None:
        with begin() as session:
            export = queries.lock_export(session, export_id)
            if export.status is ExportStatus.DONE and is_due(export, now=now):
                service.remove(session, export, actor=service.ACTOR, now=now)

    return sweep(begin, queries.due_to_delete(now), act, name="delete_due_exports")
