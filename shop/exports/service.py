"""Exports: asking for one, and deleting its file."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from kit.ids import new_id
from kit.lifecycle import move
from shop.exports import queries
from shop.exports.models import Export, ExportChunk, ExportFormat, ExportKind, ExportStatus
from shop.exports.rules import (
    MOST_KEPT_BYTES,
    MOST_OPEN,
    NoRoom,
    TooManyExports,
    file_name_of,
    read_query,
)

ACTOR = "exports"


def ask(
    session: Session,
    *,
    kind: ExportKind,
    file_format: ExportFormat,
    given: Mapping[str, str],
    operator_id: UUID,
    asked_by: str,
    now: datetime,
) -> Export:
    """Have a sweep write a list to a file; raises `BadExport`, `TooManyExports` or `NoRoom`.

    The caller holds the operator's row, so that two cannot both be the last that may be asked for.
    """
    query = read_query(kind, given)
    if queries.count_open(session, operator_id) >= MOST_OPEN:
        raise TooManyExports(most=MOST_OPEN)
    if queries.sum_kept_bytes(session) >= MOST_KEPT_BYTES:
        raise NoRoom
    export = Export(
        id=new_id(),
        kind=kind,
        format=file_format,
        query=query,
        status=ExportStatus.QUEUED,
        operator_id=operator_id,
        asked_by=asked_by[:64],
        asked_at=now,
        file_name=file_name_of(kind, file_format, now=now),
        due_at=now,
    )
    session.add(export)
    session.flush()  # so that the caller can name it
    return export


def remove(session: Session, export: Export, *, actor: str, now: datetime) -> None:
    """Delete the file, or call the writing off; the caller holds the export's lock."""
    move(session, export, ExportStatus.DELETED, at=now, actor=actor)
    export.due_at = None
    session.execute(delete(ExportChunk).where(ExportChunk.export_id == export.id))
