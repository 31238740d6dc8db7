"""Reading exports: what operators asked for, what is due, and the pieces of a file."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from kit.errors import NotFound
from kit.pages import Page, read_page
from shop.exports.models import Export, ExportChunk, ExportStatus
from shop.exports.rules import KEPT_FOR

OPEN = (ExportStatus.QUEUED, ExportStatus.WRITING)


class ExportNotFound(NotFound):
    """There is no such export, or it is another's."""

    code = "exports.not_found"
    title = "Export not found"
    message = "没有找到该导出"


def list_exports(
    session: Session, *, operator_id: UUID | None, cursor: str | None, limit: int
) -> Page[Export]:
    """Return a page of one operator's exports, or of everybody's, newest first."""
    query = select(Export)
    if operator_id is not None:
        query = query.where(Export.operator_id == operator_id)
    return read_page(session, query, Export.id, cursor=cursor, limit=limit)


def get_export(session: Session, export_id: UUID, *, operator_id: UUID | None) -> Export:
    """Return the export if it is this operator's, or whose ever; raises `ExportNotFound`."""
    found = session.get(Export, export_id)
    if found is None or operator_id not in (None, found.operator_id):
        raise ExportNotFound
    return found


def lock_export(session: Session, export_id: UUID) -> Export:
    """Return the export, locked and fresh; raises `ExportNotFound`."""
    found = session.get(Export, export_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise ExportNotFound
    return found


def count_open(session: Session, operator_id: UUID) -> int:
    """Count the operator's exports that are not written yet."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Export)
            .where(Export.due_at.is_not(None), Export.status.in_(OPEN))
            .where(Export.operator_id == operator_id)
        )
        or 0
    )


def sum_kept_bytes(session: Session) -> int:
    """Return how large all files are together."""
    kept = (Export.due_at.is_not(None), Export.status == ExportStatus.DONE)
    return int(session.scalar(select(func.sum(Export.byte_count)).where(*kept)) or 0)


def find_chunk(session: Session, export_id: UUID, position: int) -> bytes | None:
    """Return a piece of the file, or None after the last."""
    found = session.get(ExportChunk, (export_id, position))
    return None if found is None else found.data


def due_to_write(now: datetime) -> Select[UUID]:
    """Select the ids of exports to be written, the longest due first."""
    return _due(now).where(Export.status.in_(OPEN))


def due_to_delete(now: datetime) -> Select[UUID]:
    """Select the ids of exports whose time is over."""
    return _due(now).where(Export.status == ExportStatus.DONE)


def is_given_up(now: datetime) -> ColumnElement[bool]:
    """Return the condition of exports that failed lately; later nobody waits for them."""
    return (Export.status == ExportStatus.FAILED) & (Export.asked_at > now - KEPT_FOR)


def _due(now: datetime) -> Select[UUID]:
    return select(Export.id).where(Export.due_at <= now).order_by(Export.due_at, Export.id)
