"""The export centre: lists as files, asked for, watched while they are written, downloaded."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from flask import Response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from console import asked
from console.acting import acting, earlier_place, keep_place
from console.door import NotAllowed, make_room, may, operator, permissions
from console.ports import now, ports
from kit.db import Begin
from shop.exports import queries, service
from shop.exports.models import Export, ExportFormat, ExportKind, ExportStatus
from shop.exports.rules import (
    FILTERS,
    KEPT_FOR,
    MOST_BYTES,
    MOST_ROWS,
    BadExport,
    NotReady,
    state_of,
)
from shop.operators.rules import Permission

PAGE: Final = 30
# Whoever exports a list may see it.
NEEDS: Final = {
    ExportKind.ORDERS: Permission.ORDERS,
    ExportKind.PAYMENTS: Permission.MONEY,
    ExportKind.REFUNDS: Permission.REFUNDS,
    ExportKind.STATEMENTS: Permission.MONEY,
    ExportKind.LEDGER: Permission.MONEY,
    ExportKind.AUDIT: Permission.AUDIT,
}
TYPES: Final = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

blueprint = make_room("exports")


@blueprint.get("/exports")
@may(Permission.EXPORT)
def list_own() -> str:
    """Show one's own exports."""
    return _page(operator().id)


@blueprint.get("/exports/all")
@may(Permission.EXPORTS)
def list_all() -> str:
    """Show everybody's."""
    return _page(None)


@blueprint.post("/exports")
@may(Permission.EXPORT)
def ask() -> Any:
    """Ask for a file of a list as it was narrowed; a sweep writes it."""
    given = request.form
    kind, file_format = given.get("kind", ""), given.get("format", "")
    if kind not in set(ExportKind) or file_format not in set(ExportFormat):
        raise BadExport
    _check(ExportKind(kind))
    with acting("exports.ask", "export") as deed:
        earlier = earlier_place(deed)
        if earlier is not None:
            deed.after = {"repeated": True}
            return redirect(earlier, code=303)
        export = service.ask(
            deed.session,
            kind=ExportKind(kind),
            file_format=ExportFormat(file_format),
            given={name: given.get(name, "") for name in _names(ExportKind(kind))},
            operator_id=operator().id,
            asked_by=operator().name,
            now=deed.now,
        )
        deed.subject, deed.after = str(export.id), state_of(export)
        place = url_for("console_exports.list_own")
        keep_place(deed, place)
    return redirect(place, code=303)


@blueprint.get("/exports/<uuid:export_id>/file")
@may(Permission.EXPORT)
def download(export_id: UUID) -> Response:
    """Hand the file out, to whom asked for it or who may see everybody's, and write that down."""
    with acting("exports.download", "export", str(export_id)) as deed:
        export = _get(deed.session, export_id)
        if export.status is not ExportStatus.DONE:
            raise NotReady
        deed.after = state_of(export)
    response = Response(_read(ports().begin, export_id), content_type=TYPES[export.format])
    response.headers["Content-Length"] = str(export.byte_count)
    name = quote(export.file_name)
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    return response


@blueprint.post("/exports/<uuid:export_id>/delete")
@may(Permission.EXPORT)
def delete(export_id: UUID) -> Any:
    """Delete the file, or call its writing off."""
    with acting("exports.delete", "export", str(export_id)) as deed:
        _get(deed.session, export_id)
        export = queries.lock_export(deed.session, export_id)
        deed.before = state_of(export)
        service.remove(deed.session, export, actor=operator().name, now=deed.now)
        deed.after = state_of(export)
    return redirect(url_for("console_exports.list_own"), code=303)


def _page(operator_id: UUID | None) -> str:
    """Show a list, or only its piece that is asked for again while files are being written."""
    with ports().begin() as session:
        page = queries.list_exports(
            session, operator_id=operator_id, cursor=asked.cursor(), limit=PAGE
        )
    is_piece = bool(request.headers.get("X-Live"))
    return render_template(
        "console/export_rows.html" if is_piece else "console/exports.html",
        page=page,
        is_busy=any(export.status in queries.OPEN for export in page.items),
        everybody=operator_id is None,
        kinds=[kind for kind in ExportKind if NEEDS[kind] in permissions()],
        formats=ExportFormat,
        most_rows=MOST_ROWS,
        most_megabytes=MOST_BYTES // 1024 // 1024,
        kept_days=KEPT_FOR.days,
        now=now(),
    )


def _names(kind: ExportKind) -> list[str]:
    return [*sorted(FILTERS[kind]), "since", "until"]


def _check(kind: ExportKind) -> None:
    if NEEDS[kind] not in permissions():
        raise NotAllowed(NEEDS[kind])


def _get(session: Session, export_id: UUID) -> Export:
    """Return the export if it is theirs, or they may see everybody's, and its list still."""
    sees_all = Permission.EXPORTS in permissions()
    found = queries.get_export(session, export_id, operator_id=None if sees_all else operator().id)
    _check(found.kind)
    return found


def _read(begin: Begin, export_id: UUID) -> Iterator[bytes]:
    """Yield the file a piece at a time; no transaction waits for a slow reader."""
    position = 0
    while True:
        with begin() as session:
            piece = queries.find_chunk(session, export_id, position)
        if piece is None:
            return
        yield piece
        position += 1
