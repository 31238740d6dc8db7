"""Differences of bills, payments and ledger: what is open, and a word for why it is well."""

from typing import Any
from uuid import UUID

from flask import redirect, render_template, request, url_for
from sqlalchemy import func, select

from console import asked
from console.acting import acting
from console.door import make_room, may
from console.ports import ports
from kit.errors import Malformed, NotFound
from kit.pages import read_page
from shop.operators.rules import Permission
from shop.settlement import service
from shop.settlement.models import Difference, DifferenceStatus

PAGE = 30

blueprint = make_room("differences")


class DifferenceNotFound(NotFound):
    """There is no such difference."""

    code = "difference_not_found"
    title = "Difference not found"
    message = "没有找到该差异"


class NoReason(Malformed):
    """Whoever resolves a difference says why."""

    code = "no_reason"
    title = "Say why it is in order"
    message = "请填写处理说明"


@blueprint.get("/differences")
@may(Permission.MONEY)
def list_all() -> str:
    """Show differences, newest first; those that are open unless asked otherwise."""
    status = asked.choice_of(DifferenceStatus, "status") or DifferenceStatus.OPEN
    with ports().begin() as session:
        query = select(Difference).where(Difference.status == status)
        page = read_page(session, query, Difference.id, cursor=asked.cursor(), limit=PAGE)
        is_open = Difference.status == DifferenceStatus.OPEN
        waiting = session.scalar(select(func.count()).select_from(Difference).where(is_open))
        return render_template(
            "console/differences.html",
            page=page,
            status=status,
            statuses=DifferenceStatus,
            waiting=waiting or 0,
        )


@blueprint.post("/differences/<uuid:difference_id>/resolve")
@may(Permission.RESOLVE)
def resolve(difference_id: UUID) -> Any:
    """Close one with the reason."""
    why = request.form.get("why", "").strip()[:200]
    if not why:
        raise NoReason
    with acting("differences.resolve", "difference", str(difference_id)) as deed:
        found = deed.session.get(
            Difference, difference_id, with_for_update=True, populate_existing=True
        )
        if found is None:
            raise DifferenceNotFound
        deed.before = {"status": found.status.value, "number": found.number}
        service.resolve_difference(deed.session, found, resolution=why, now=deed.now)
        deed.after = {"status": found.status.value, "resolution": why}
    return redirect(url_for("console_differences.list_all"), code=303)
