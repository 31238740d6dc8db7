"""Writing one export: read a page, write it, say how far it is; at the end the file is kept.

Whoever was ended in the middle leaves a lease that runs out and nothing else, and the file is
written again from its beginning. An attempt that lost its lease finds another's number on the row
and stops.
"""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from kit.clock import Clock
from kit.db import Begin
from kit.faultpoints import faultpoint
from kit.lifecycle import move
from kit.sweep import LEASE, is_due, lease
from shop.exports import queries
from shop.exports.cells import Cell
from shop.exports.files import open_file
from shop.exports.models import Export, ExportChunk, ExportFormat, ExportKind, ExportStatus
from shop.exports.rules import (
    CHUNK_BYTES,
    KEPT_FOR,
    MOST_ATTEMPTS,
    MOST_BYTES,
    MOST_ROWS,
    PAGE_ROWS,
)
from shop.exports.service import ACTOR
from shop.exports.sources import SOURCES, read_rows


@dataclass(frozen=True, slots=True)
class Taken:
    """An export that is ours alone while its attempt's number stays."""

    export_id: UUID
    attempt: int
    kind: ExportKind
    file_format: ExportFormat
    query: dict[str, Any]
    asked_at: datetime


class Lost(Exception):
    """Another attempt has it, or somebody deleted it."""


class TooLarge(Exception):
    """It has more rows or bytes than a file may have."""


def write(begin: Begin, export_id: UUID, *, clock: Clock) -> None:
    """Write the export, unless it is not due any more."""
    now = clock()
    with begin() as session:
        taken = _take(session, export_id, now=now)
    if taken is None:
        return
    with tempfile.TemporaryFile() as output:
        try:
            rows = _write_rows(begin, taken, output, clock=clock)
            _keep(begin, taken, output, rows, clock=clock)
        except TooLarge:
            _note_too_large(begin, taken, now=clock())
        except Lost:
            return


def _take(session: Session, export_id: UUID, *, now: datetime) -> Taken | None:
    export = queries.lock_export(session, export_id)
    if export.status not in queries.OPEN or not is_due(export, now=now):
        return None
    if export.attempts >= MOST_ATTEMPTS:
        _fail(session, export, "gave_up", now=now)
        return None
    if export.status is ExportStatus.QUEUED:
        move(session, export, ExportStatus.WRITING, at=now, actor=ACTOR)
    lease(export, now=now)
    export.row_count = 0
    return Taken(
        export.id, export.attempts, export.kind, export.format, export.query, export.asked_at
    )


def _write_rows(begin: Begin, taken: Taken, output: IO[bytes], *, clock: Clock) -> int:
    """Write every row and return how many there were."""
    source = SOURCES[taken.kind]
    file = open_file(output, taken.file_format, title=source.title)
    try:
        file.write(source.headings)
        count, after = 0, None
        while True:
            rows = _read_page(begin, taken, count, after, now=clock())
            for key, row in rows:
                file.write(row)
                after = key
            count += len(rows)
            if count > MOST_ROWS:
                raise TooLarge
            if len(rows) < PAGE_ROWS:
                return count
    finally:
        file.close()


def _read_page(
    begin: Begin, taken: Taken, count: int, after: Any, *, now: datetime
) -> Sequence[tuple[Any, Sequence[Cell]]]:
    """Say how far it is, hold the lease, and return the next rows."""
    with begin() as session:
        export = _hold(session, taken)
        export.row_count, export.due_at = count, now + LEASE
        return read_rows(
            session,
            taken.kind,
            taken.query,
            after=after,
            limit=PAGE_ROWS,
            asked_at=taken.asked_at,
        )


def _keep(begin: Begin, taken: Taken, output: IO[bytes], rows: int, *, clock: Clock) -> None:
    """Keep the file in the database, whole or not at all."""
    size = output.seek(0, os.SEEK_END)
    if size > MOST_BYTES:
        raise TooLarge
    digest, now = hashlib.sha256(), clock()
    with begin() as session:
        export = _hold(session, taken)
        position = output.seek(0)
        while data := output.read(CHUNK_BYTES):
            digest.update(data)
            piece = {"export_id": export.id, "position": position, "data": data}
            session.execute(insert(ExportChunk), piece)
            position += 1
        faultpoint("exports.keep.before_done")
        export.row_count, export.byte_count = rows, size
        export.sha256, export.ended_at = digest.hexdigest(), now
        export.due_at, export.last_error = now + KEPT_FOR, None
        move(session, export, ExportStatus.DONE, at=now, actor=ACTOR)


def _hold(session: Session, taken: Taken) -> Export:
    """Return the export, locked, if it is still ours; else `Lost`."""
    export = queries.lock_export(session, taken.export_id)
    if export.status is not ExportStatus.WRITING or export.attempts != taken.attempt:
        raise Lost
    return export


def _note_too_large(begin: Begin, taken: Taken, *, now: datetime) -> None:
    with begin() as session:
        _fail(session, _hold(session, taken), "too_large", now=now)


def _fail(session: Session, export: Export, why: str, *, now: datetime) -> None:
    move(session, export, ExportStatus.FAILED, at=now, actor=ACTOR)
    export.last_error, export.ended_at, export.due_at = why, now, None
