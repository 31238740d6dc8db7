"""Payments: the list, and one trade with its notices, what was rejected, refunds and entries."""

from collections.abc import Sequence
from uuid import UUID

from flask import render_template
from sqlalchemy import ColumnElement, Select, select, text, union_all
from sqlalchemy.orm import Session

from console import asked
from console.door import make_room, may
from console.ledger_reading import list_of_order
from console.ports import now, ports
from kit.errors import NotFound
from kit.lifecycle import StatusChange
from kit.pages import Page, decode_cursor, read_page
from shop.operators.rules import Permission
from shop.orders.models import Order
from shop.payments.gateway import Channel
from shop.payments.models import (
    LISTED,
    Notice,
    Payment,
    PaymentStatus,
    Refund,
    SecurityEvent,
)

PAGE = 30
MOST_NOTES = 50

blueprint = make_room("payments")


class PaymentNotFound(NotFound):
    """There is no such payment."""

    code = "payment_not_found"
    title = "Payment not found"
    message = "没有找到该支付"


@blueprint.get("/payments")
@may(Permission.MONEY)
def list_all() -> str:
    """Show payments, newest first."""
    status = asked.choice_of(PaymentStatus, "status")
    channel = asked.choice_of(Channel, "channel")
    with ports().begin() as session:
        page = _list(session, status, channel)
        numbers = select(Order.id, Order.order_no).where(
            Order.id.in_([payment.order_id for payment in page.items])
        )
        return render_template(
            "console/payments.html",
            page=page,
            status=status,
            statuses=PaymentStatus,
            channel=channel,
            channels=Channel,
            order_nos=dict(session.execute(numbers).all()),
        )


@blueprint.get("/payments/<uuid:payment_id>")
@may(Permission.MONEY)
def show(payment_id: UUID) -> str:
    """Show one trade with all that was heard of it."""
    with ports().begin() as session:
        payment = session.get(Payment, payment_id)
        if payment is None:
            raise PaymentNotFound
        refunds = session.scalars(
            select(Refund).where(Refund.payment_id == payment.id).order_by(Refund.id)
        ).all()
        number = payment.out_trade_no
        return render_template(
            "console/payment.html",
            payment=payment,
            order=session.get_one(Order, payment.order_id),
            refunds=refunds,
            notices=session.scalars(
                select(Notice).where(Notice.out_trade_no == number).limit(MOST_NOTES)
            ).all(),
            events=session.scalars(
                select(SecurityEvent)
                .where(SecurityEvent.subject.in_([number, *(one.out_refund_no for one in refunds)]))
                .order_by(SecurityEvent.id)
                .limit(MOST_NOTES)
            ).all(),
            steps=_list_steps(session, [payment.id, *(refund.id for refund in refunds)]),
            entries=[
                entry
                for entry in list_of_order(session, payment.order_id)
                if entry.cause_id in {payment.id, *(refund.id for refund in refunds)}
            ],
            now=now(),
        )


def _list(session: Session, status: PaymentStatus | None, channel: Channel | None) -> Page[Payment]:
    query = select(Payment)
    if status is not None or channel is not None:
        query = query.where(Payment.id.in_(_newest(status, channel)))
    return read_page(session, query, Payment.id, cursor=asked.cursor(), limit=PAGE)


def _newest(status: PaymentStatus | None, channel: Channel | None) -> Select[UUID]:
    """Select the newest ids of each channel and status that is meant, by the index of the list."""
    cursor = asked.cursor()
    after: list[ColumnElement[bool]] = [Payment.id < decode_cursor(cursor)] if cursor else []
    each = [
        select(Payment.id)
        .where(text(LISTED), Payment.channel == one, Payment.status == state, *after)
        .order_by(Payment.id.desc())
        .limit(PAGE + 1)
        .subquery()
        for one in ([channel] if channel else Channel)
        for state in ([status] if status else PaymentStatus)
    ]
    every = union_all(*(select(one.c.id) for one in each)).subquery()
    return select(every.c.id)


def _list_steps(session: Session, ids: Sequence[UUID]) -> Sequence[StatusChange]:
    return session.scalars(
        select(StatusChange)
        .where(StatusChange.row_id.in_(ids))
        .order_by(StatusChange.seq)
        .limit(MOST_NOTES)
    ).all()
