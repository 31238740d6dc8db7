"""Fetching codes that a second person let leave: once, by who asked, with a fresh second factor."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from uuid import UUID

from flask import Response, make_response, request

from console import cookies, refusals
from console.acting import acting
from console.approvals import page_of
from console.door import doer, make_room, may, operator
from console.ports import keys, now, ports
from kit.errors import DomainError
from shop.approvals import queries as approvals
from shop.cards import exporting
from shop.cards.models import Card, CodeExport
from shop.cards.vault import CardSecret
from shop.exports.cells import text
from shop.operators.rules import Permission, TriedTooOften
from shop.operators.second_factor import WrongCode, prove_second_factor

COLUMNS: Final = ("card", "code", "password", "expires_at")

blueprint = make_room("code_exports")


@blueprint.post("/approvals/<uuid:approval_id>/codes")
@may(Permission.EXPORT_CODES)
def fetch(approval_id: UUID) -> Response:
    """Mark the cards, write down who takes them, and only then read their codes out."""
    with ports().begin() as session:  # nobody proves anything for a file that they cannot get
        exporting.check_fetch(session, approval_id, by=doer(), now=now())
    try:
        prove_second_factor(
            ports().begin,
            operator().id,
            request.form.get("code", "")[:20],
            browser=cookies.read(cookies.KNOWN),
            keys=keys(),
            doer=doer(),
            now=now(),
        )
    except (WrongCode, TriedTooOften) as refusal:
        return _not_proved(approval_id, refusal)
    export = _take_out(approval_id)
    read = exporting.read_codes(ports().begin, ports().vault, export)
    response = Response(_read_out(read), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f"attachment; filename=codes-{export.id}.csv"
    return response


def _take_out(approval_id: UUID) -> CodeExport:
    with acting("stock.export_codes", "batch") as deed:
        export = exporting.export_codes(
            deed.session, ports().vault, approval_id, by=doer(), now=deed.now
        )
        deed.subject = str(export.batch_id)
        deed.after = {
            "cards": export.cards_count,
            "request": str(approval_id),
            "export": str(export.id),
            "why": approvals.get_approval(deed.session, approval_id).why,
        }
    return export


def _read_out(read: Iterable[Sequence[tuple[Card, CardSecret]]]) -> Iterator[str]:
    """Yield the file a piece at a time; no more of it than that is ever in memory, or elsewhere."""
    yield "\ufeff" + _lines([COLUMNS])  # by the mark spreadsheets know UTF-8
    for some in read:
        yield _lines(
            (
                str(card.id),
                text(secret.code),
                text(secret.password),
                "" if card.expires_at is None else card.expires_at.isoformat(),
            )
            for card, secret in some
        )


def _lines(rows: Iterable[Sequence[str]]) -> str:
    lines = io.StringIO()
    csv.writer(lines).writerows(rows)
    return lines.getvalue()


def _not_proved(approval_id: UUID, refusal: DomainError) -> Response:
    return make_response(page_of(approval_id, refusal=refusal), refusals.status_of(refusal))
