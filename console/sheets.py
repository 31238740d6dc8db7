"""Order sheets of leaders: the list, and one sheet with its numbered entries."""

from uuid import UUID

from flask import render_template

from console import asked, campaign_reading
from console import group_reading as reading
from console.door import make_room, may
from console.ports import now, ports
from group_buy.sheets.models import OrderSheet, SheetStatus
from group_buy.sheets.queries import SheetNotFound
from shop.operators.rules import Permission

blueprint = make_room("sheets")


@blueprint.get("/sheets")
@may(Permission.GROUPS)
def list_all() -> str:
    """Show order sheets, newest first."""
    status, leader_id = asked.choice_of(SheetStatus, "status"), asked.id_of("leader")
    with ports().begin() as session:
        return render_template(
            "console/sheets.html",
            page=reading.list_sheets(session, status, leader_id, asked.cursor()),
            status=status,
            statuses=SheetStatus,
            leader_id=leader_id,
        )


@blueprint.get("/sheets/<uuid:sheet_id>")
@may(Permission.GROUPS)
def show(sheet_id: UUID) -> str:
    """Show one order sheet: what it offers, its list, and what goes back."""
    with ports().begin() as session:
        sheet = session.get(OrderSheet, sheet_id)
        if sheet is None:
            raise SheetNotFound
        entries = reading.list_entries(session, sheet_id)
        refunds = reading.find_refunds(session, [order for _entry, order in entries])
        return render_template(
            "console/sheet.html",
            sheet=sheet,
            items=reading.list_sheet_items(session, sheet_id),
            entries=entries,
            refunds=refunds,
            repaid=reading.sum_refunds(refunds),
            steps=campaign_reading.list_steps(session, sheet_id),
            now=now(),
        )
