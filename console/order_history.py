"""Everything that happened to one order, end to end, in the order in which it happened."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from console.showing import yuan
from console.words import label
from kit.lifecycle import StatusChange
from shop.cards.models import Card, Reveal
from shop.ledger.models import Account, Transfer
from shop.orders.models import Order, OrderLine
from shop.payments.models import DeliveryReport, Notice, Payment, Refund


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened: when, of which kind, in words, and by whom."""

    at: datetime
    kind: str
    text: str
    actor: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """The rows of an order, and what happened to them."""

    payments: Sequence[Payment]
    refunds: Sequence[Refund]
    cards: Sequence[Card]
    postings: Sequence[tuple[Transfer, str, str]]
    happened: Sequence[Happened]


def read_history(session: Session, order: Order, lines: Sequence[OrderLine]) -> History:
    """Read all of it."""
    payments = session.scalars(
        select(Payment).where(Payment.order_id == order.id).order_by(Payment.attempt)
    ).all()
    refunds = session.scalars(
        select(Refund).where(Refund.order_id == order.id).order_by(Refund.id)
    ).all()
    cards = session.scalars(
        select(Card)
        .where(Card.order_line_id.in_([line.id for line in lines]))
        .order_by(Card.order_line_id, Card.id)
    ).all()
    happened = [
        Happened(order.placed_at, "order", _("下单 %(price)s", price=yuan(order.total_fen))),
        *_steps(session, order, payments, refunds, cards),
        *_notices(session, payments),
        *_reports(session, payments),
        *_looks(session, cards),
    ]
    happened.sort(key=lambda one: one.at)
    return History(payments, refunds, cards, _postings(session, order.id), happened)


def _steps(
    session: Session,
    order: Order,
    payments: Sequence[Payment],
    refunds: Sequence[Refund],
    cards: Sequence[Card],
) -> Iterator[Happened]:
    names = {order.id: _("订单")}
    names |= {payment.id: payment.out_trade_no for payment in payments}
    names |= {refund.id: refund.out_refund_no for refund in refunds}
    names |= {card.id: _("卡 %(id)s", id=str(card.id)[-6:]) for card in cards}
    steps = session.scalars(
        select(StatusChange).where(StatusChange.row_id.in_(names)).order_by(StatusChange.seq)
    )
    for step in steps:
        old, new = label(step.kind, step.old), label(step.kind, step.new)
        yield Happened(step.at, step.kind, f"{names[step.row_id]}: {old} → {new}", step.actor)


def _notices(session: Session, payments: Sequence[Payment]) -> Iterator[Happened]:
    numbers = [payment.out_trade_no for payment in payments]
    found = session.scalars(select(Notice).where(Notice.out_trade_no.in_(numbers)))
    for notice in found:
        channel = label("channel", notice.channel)
        text = _("收到%(channel)s通知 %(kind)s", channel=channel, kind=notice.kind)
        yield Happened(notice.received_at, "notice", text)


def _reports(session: Session, payments: Sequence[Payment]) -> Iterator[Happened]:
    ids = [payment.id for payment in payments]
    found = session.scalars(select(DeliveryReport).where(DeliveryReport.payment_id.in_(ids)))
    for report in found:
        if report.reported_at is not None:
            yield Happened(report.reported_at, "report", _("已向微信上报发货"))


def _looks(session: Session, cards: Sequence[Card]) -> Iterator[Happened]:
    found = session.scalars(select(Reveal).where(Reveal.card_id.in_([card.id for card in cards])))
    for look in found:
        yield Happened(look.at, "look", _("查看卡密 %(id)s", id=str(look.card_id)[-6:]))


def _postings(session: Session, order_id: UUID) -> list[tuple[Transfer, str, str]]:
    moved = session.scalars(
        select(Transfer).where(Transfer.order_id == order_id).order_by(Transfer.seq)
    ).all()
    ids = {one.debit_account_id for one in moved} | {one.credit_account_id for one in moved}
    accounts = session.scalars(select(Account).where(Account.id.in_(ids)))
    names = {account.id: f"{account.kind.value} {account.owner}".strip() for account in accounts}
    return [(one, names[one.debit_account_id], names[one.credit_account_id]) for one in moved]
