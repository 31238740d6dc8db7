"""Orders: the list, and one order with everything that happened to it, and its refund."""

from typing import Any
from uuid import UUID

from flask import redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from console import asked
from console.acting import acting, send_for_approval
from console.door import make_room, may
from console.order_history import read_history
from console.ports import now, ports
from kit.errors import Conflict, Malformed
from kit.money import Fen
from kit.pages import Page, read_page
from shop.approvals import queries as approvals
from shop.approvals.models import ApprovalKind
from shop.approvals.rules import Wanted
from shop.campaigns.models import Campaign
from shop.operators import queries as operators
from shop.operators.rules import Permission
from shop.orders import queries, refunding
from shop.orders.models import Order, OrderStatus
from shop.orders.queries import OrderNotFound
from shop.payments.models import RefundReason

PAGE = 30

blueprint = make_room("orders")


class ChangedMeanwhile(Conflict):
    """Something changed after the form was shown."""

    code = "changed_meanwhile"
    title = "It changed meanwhile; look again"
    message = "内容已被更新，请刷新后重试"


class BadRefund(Malformed):
    """Which line is meant makes no sense, or no reason is given."""

    code = "bad_refund"
    title = "Say which line is refunded, and why"
    message = "请选择退款范围并填写原因"


@blueprint.get("/orders")
@may(Permission.ORDERS)
def list_all() -> str:
    """Show orders, newest first."""
    status = asked.choice_of(OrderStatus, "status")
    member_id, campaign_id = asked.id_of("member"), asked.id_of("campaign")
    with ports().begin() as session:
        page = _list(session, status, member_id=member_id, campaign_id=campaign_id)
        return render_template(
            "console/orders.html",
            page=page,
            status=status,
            statuses=OrderStatus,
            member_id=member_id,
            campaign_id=campaign_id,
        )


@blueprint.get("/orders/<uuid:order_id>")
@may(Permission.ORDERS)
def show(order_id: UUID) -> str:
    """Show one order, end to end."""
    with ports().begin() as session:
        order = session.get(Order, order_id)
        if order is None:
            raise OrderNotFound
        lines = queries.list_lines(session, [order.id])
        campaign = session.get(Campaign, order.campaign_id) if order.campaign_id else None
        return render_template(
            "console/order.html",
            order=order,
            lines=lines,
            campaign=campaign,
            history=read_history(session, order, lines),
            deeds_rows=operators.list_actions(session, subject=str(order.id), limit=20).items,
            asked=approvals.find_waiting(session, ApprovalKind.REFUND, str(order.id)),
            large_from_fen=ports().approval_terms.refund_from_fen,
            now=now(),
        )


@blueprint.post("/orders/<uuid:order_id>/refund")
@may(Permission.REFUND)
def refund(order_id: UUID) -> Any:
    """Take back what the rules allow and promise its price back, or ask for that if it is much."""
    given, why = request.form.get("line_id", ""), request.form.get("why", "").strip()[:200]
    line_id = asked.as_id(given)
    # An empty choice is the whole order; what is no id must not come to mean that.
    if (given and line_id is None) or not why:
        raise BadRefund
    with acting("orders.refund", "order", str(order_id)) as deed:
        order = queries.lock_order(deed.session, order_id)
        if request.form.get("version") != str(order.version):
            raise ChangedMeanwhile
        amount_fen = refunding.foresee_refund(deed.session, order, line_id=line_id)
        if _is_large(deed.session, order, amount_fen):
            arguments = {"line_id": None if line_id is None else str(line_id)}
            wanted = Wanted(
                kind=ApprovalKind.REFUND,
                subject=str(order_id),
                arguments=arguments,
                amount_fen=amount_fen,
                why=why,
            )
            return redirect(send_for_approval(deed, wanted), code=303)
        deed.before = {"status": order.status.value}
        made = refunding.refund_order(
            deed.session, order, reason=RefundReason.MEMBER, line_id=line_id, now=deed.now
        )
        deed.after = {
            "status": order.status.value,
            "refunds": {one.out_refund_no: one.amount_fen for one in made},
            "why": why,
        }
    return redirect(url_for("console_orders.show", order_id=order_id), code=303)


def _is_large(session: Session, order: Order, amount_fen: Fen) -> bool:
    """Say whether a second person decides; small parts of one order are counted together."""
    earlier = sum(line.refunded_fen for line in queries.list_lines(session, [order.id]))
    return earlier + amount_fen >= ports().approval_terms.refund_from_fen


def _list(
    session: Session,
    status: OrderStatus | None,
    *,
    member_id: UUID | None,
    campaign_id: UUID | None,
) -> Page[Order]:
    query = select(Order)
    if status is not None:
        query = query.where(*queries.with_status(status))
    if member_id is not None:
        query = query.where(Order.member_id == member_id)
    if campaign_id is not None:
        query = query.where(*queries.of_campaign(campaign_id))
    return read_page(session, query, Order.id, cursor=asked.cursor(), limit=PAGE)
