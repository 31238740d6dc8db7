"""Card stock: what may be sold, batches, and files of codes: tried, imported, frozen, undone."""

import csv
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from flask import make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage
from werkzeug.utils import secure_filename
from werkzeug.wrappers import Response

from console.acting import Deed, acting, send_for_approval
from console.asked import as_id, cursor
from console.door import confirm, doer, make_room, may
from console.ports import now, ports
from kit.errors import DomainError
from kit.pages import read_page
from shop.approvals import queries as approvals
from shop.approvals.models import ApprovalKind
from shop.approvals.rules import Wanted
from shop.cards import batches, counting, importing, queries
from shop.cards.code_lines import BadLine
from shop.cards.importing import Looked
from shop.cards.models import Batch
from shop.catalog.models import Product, Sku
from shop.operators.deeds import write_down
from shop.operators.rules import Permission

MOST_SKUS: Final = 500
MOST_LINES: Final = 50_000  # as many as one request may take the time for
PAGE: Final = 20  # of batches
MOST_COUNTED: Final = 10_000  # cards of a SKU, or of a batch with one status
UTF8_MARK: Final = "\ufeff"  # by which spreadsheets know UTF-8

blueprint = make_room("stock")


@blueprint.get("/stock")
@may(Permission.STOCK)
def show() -> Response:
    """Show SKUs with their free codes, and the batches."""
    return _page(200)


@blueprint.post("/stock/import")
@may(Permission.IMPORT)
def import_codes() -> Response:
    """Look a file through, hand out its refused lines, or import it; no code is ever shown."""
    wanted, at = request.form.get("do", "check"), now()
    given, sku_id = request.files.get("file"), as_id(request.form.get("sku_id", ""))
    if given is None or not given.filename or sku_id is None or not _is_sku(sku_id):
        return _page(422, is_incomplete=True)
    errors: list[BadLine] = []
    with _in_memory(given) as path:
        try:
            looked = importing.look_through(
                ports().begin,
                ports().vault,
                path,
                name=secure_filename(given.filename)[-80:] or "codes",
                most_lines=MOST_LINES,
                now=at,
                on_error=errors.append if wanted == "errors" else None,
            )
            if wanted == "errors":
                return _errors_file(errors)
            if wanted == "import":
                _import(looked, sku_id, at)
                return redirect(url_for("console_stock.show"), code=303)
        except DomainError as refusal:
            return _page(422, refusal=refusal)
    return _page(200, looked=looked)


def _is_sku(sku_id: UUID) -> bool:
    with ports().begin() as session:
        return session.get(Sku, sku_id) is not None


@contextmanager
def _in_memory(given: FileStorage) -> Iterator[Path]:
    """Give the file a path on no disk: however this process ends, no code stays anywhere."""
    with os.fdopen(os.memfd_create("codes"), "wb") as file:
        given.save(file)
        file.flush()
        yield Path(f"/proc/self/fd/{file.fileno()}")


@blueprint.post("/stock/batches/<uuid:batch_id>/freeze")
@may(Permission.FREEZE)
def freeze(batch_id: UUID) -> Any:
    """Take its free cards off sale."""
    return _change(batch_id, "stock.freeze", batches.freeze_batch)


@blueprint.post("/stock/batches/<uuid:batch_id>/unfreeze")
@may(Permission.FREEZE)
def unfreeze(batch_id: UUID) -> Any:
    """Put them on sale again."""
    return _change(batch_id, "stock.unfreeze", batches.unfreeze_batch)


@blueprint.post("/stock/batches/<uuid:batch_id>/undo")
@may(Permission.FREEZE)
def undo(batch_id: UUID) -> Any:
    """Remove a batch of which nothing was ever held, or ask for that if it has many cards."""
    with acting("stock.undo", "batch", str(batch_id)) as deed:
        batch = queries.get_batch(deed.session, batch_id)
        count = batches.foresee_undo(deed.session, batch)
        if count >= ports().approval_terms.undo_from_cards:
            wanted = Wanted(
                kind=ApprovalKind.UNDO_BATCH,
                subject=str(batch_id),
                arguments={"cards": count},
                amount_fen=None,
                why=request.form.get("why", ""),
            )
            return redirect(send_for_approval(deed, wanted), code=303)
        deed.before = _state_of(batch)
        batches.undo_batch(deed.session, batch, actor=deed.doer.name, now=deed.now)
        deed.after = _state_of(batch)
    return redirect(url_for("console_stock.show"), code=303)


def _change(batch_id: UUID, action: str, act: Callable[..., Any]) -> Any:
    with acting(action, "batch", str(batch_id)) as deed:
        change_batch(deed, batch_id, act)
    if request.form.get("page") == "batch":
        return redirect(url_for("console_batches.show", batch_id=batch_id), code=303)
    return redirect(url_for("console_stock.show"), code=303)


def change_batch(deed: Deed, batch_id: UUID, act: Callable[..., Any]) -> None:
    """Do one of the services of batches to this one."""
    batch = queries.get_batch(deed.session, batch_id)
    deed.before = _state_of(batch)
    act(deed.session, batch, actor=deed.doer.name, now=deed.now)
    deed.after = _state_of(batch)


def _import(looked: Looked, sku_id: UUID, at: datetime) -> None:
    importing.import_file(
        lambda: _audited(looked, at),
        ports().vault,
        looked,
        sku_id=sku_id,
        source=request.form.get("source", "")[:80],
        skip_bad=request.form.get("skip_bad") == "yes",
        now=at,
    )


@contextmanager
def _audited(looked: Looked, at: datetime) -> Iterator[Session]:
    """Open the import's transaction, and write the deed down at its end."""
    with ports().begin() as session:
        yield session
        confirm(session)  # at the end: an import takes long, and this holds the operator
        batch = queries.find_batch_of_file(session, looked.sha256)
        if batch is None:
            raise RuntimeError("an import leaves a batch")
        write_down(
            session,
            doer(),
            action="stock.import",
            subject_kind="batch",
            subject=str(batch.id),
            before=None,
            after={**_state_of(batch), "file": batch.file_name, "refused": looked.refused},
            now=at,
        )


def _errors_file(errors: list[BadLine]) -> Response:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["line", "fault", "code"])
    writer.writerows([error.number, error.fault.value, error.masked] for error in errors)
    response = make_response(UTF8_MARK + text.getvalue())
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = "attachment; filename=errors.csv"
    return response


def _state_of(batch: Batch) -> dict[str, Any]:
    return {
        "status": batch.status.value,
        "cards": batch.cards_count,
        "sku_id": str(batch.sku_id),
        "source": batch.source,
    }


def _page(
    status: int,
    *,
    looked: Looked | None = None,
    refusal: DomainError | None = None,
    is_incomplete: bool = False,
) -> Response:
    with ports().begin() as session:
        rows = session.execute(
            select(Sku, Product)
            .join(Product, Product.id == Sku.product_id)
            .order_by(Product.title, Sku.face_value_fen, Sku.id)
            .limit(MOST_SKUS)
        ).all()
        ids, most = [sku.id for sku, _product in rows], MOST_COUNTED + 1
        free = counting.count_free_up_to(session, ids, most=most, now=now())
        found = read_page(session, select(Batch), Batch.id, cursor=cursor(), limit=PAGE)
        batch_ids = [batch.id for batch in found.items]
        counts = counting.count_by_status_up_to(session, batch_ids, most=most)
        page = render_template(
            "console/stock.html",
            rows=rows,
            free=free,
            page=found,
            counts=counts,
            most=MOST_COUNTED,
            names={sku.id: sku.title for sku, _product in rows},
            asked=approvals.list_waiting(
                session, ApprovalKind.UNDO_BATCH, [str(batch_id) for batch_id in batch_ids]
            ),
            undo_from=ports().approval_terms.undo_from_cards,
            looked=looked,
            refusal=refusal,
            is_incomplete=is_incomplete,
            typed=request.form,
        )
    return make_response(page, status)
