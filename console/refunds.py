"""The refund desk: what goes back, what waits for a person, and sending it again."""

from typing import Any

from flask import redirect, render_template, url_for
from sqlalchemy import func, select

from console import asked
from console.acting import Deed, acting
from console.door import make_room, may
from console.ports import ports
from kit.errors import NotFound
from kit.pages import read_page
from shop.operators.rules import Permission
from shop.orders.models import Order
from shop.payments import queries, service
from shop.payments.models import Refund, RefundStatus

PAGE = 30
WAITING = (RefundStatus.REQUESTED, RefundStatus.SENT, RefundStatus.STUCK)

blueprint = make_room("refunds")


class RefundNotFound(NotFound):
    """There is no such refund."""

    code = "refund_not_found"
    title = "Refund not found"
    message = "没有找到该退款"


@blueprint.get("/refunds")
@may(Permission.REFUNDS)
def list_all() -> str:
    """Show refunds, newest first; those that wait for a person have a tab of their own."""
    status = asked.choice_of(RefundStatus, "status")
    with ports().begin() as session:
        query = select(Refund)
        if status is not None:
            query = query.where(Refund.status == status)
        page = read_page(session, query, Refund.id, cursor=asked.cursor(), limit=PAGE)
        order_nos = {
            order.id: order.order_no
            for order in session.scalars(
                select(Order).where(Order.id.in_([one.order_id for one in page.items]))
            )
        }
        # What is done grows without end, and is not counted.
        counts = session.execute(
            select(Refund.status, func.count())
            .where(Refund.status.in_(WAITING), Refund.done_at.is_(None))
            .group_by(Refund.status)
        )
        return render_template(
            "console/refunds.html",
            page=page,
            status=status,
            statuses=RefundStatus,
            counts={found: int(count) for found, count in counts},
            order_nos=order_nos,
        )


@blueprint.post("/refunds/<number>/retry")
@may(Permission.REFUND)
def retry(number: str) -> Any:
    """Send a stuck refund again under the same number; the sweep takes it up."""
    with acting("refunds.retry", "refund", number) as deed:
        send_again(deed, number)
    return redirect(url_for("console_refunds.list_all", status="stuck"), code=303)


def send_again(deed: Deed, number: str) -> None:
    """Do that; raises `RefundNotFound` or `IllegalMove`."""
    found = queries.find_refund_by_number(deed.session, number)
    if found is None:
        raise RefundNotFound
    deed.session.refresh(found, with_for_update=True)
    deed.before = {"status": found.status.value, "last_error": found.last_error}
    service.retry_refund(deed.session, found, now=deed.now)
    deed.after = {"status": found.status.value}
