"""Applying what a platform tells of a trade, whatever told us: notice, query or bill."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from kit.crypto import same
from kit.errors import Conflict
from kit.faultpoints import faultpoint
from kit.lifecycle import move
from kit.outbox import emit
from shop.campaigns import queries as campaigns
from shop.cards import service as cards
from shop.ledger.models import AccountKind
from shop.orders import queries
from shop.orders import service as orders
from shop.orders.events import OrderPaid
from shop.orders.models import CloseReason, Order, OrderStatus
from shop.payments import queries as payments_queries
from shop.payments import service as payments
from shop.payments.gateway import Trade, TradeState
from shop.payments.models import Payment, PaymentStatus, RefundReason


class TradeMismatch(Conflict):
    """What the platform tells contradicts what was written down when the trade was opened."""

    code = "payments.trade_mismatch"
    title = "The trade does not match our payment"
    message = "支付信息不一致"


class UnknownTrade(Conflict):
    """The trade number is not one of ours."""

    code = "payments.unknown_trade"
    title = "Unknown trade number"
    message = "支付单号不存在"


class Received(StrEnum):
    """What became of a trade the platform told of."""

    IGNORED = "ignored"  # not paid: nothing to do
    REPEATED = "repeated"  # applied before
    PAID = "paid"
    REVIVED = "revived"  # late, but its cards could be reserved again
    RETURNED = "returned"  # late or double: the money goes back


def record_payment(
    session: Session, trade: Trade, *, payer_hash_key: bytes, now: datetime
) -> Received:
    """Apply a trade once, by row locks and a unique transaction number.

    Raises `UnknownTrade`, or `TradeMismatch` when channel, application, merchant, currency,
    amount or transaction number differ from what was written down, or when money that we never
    knew of has gone back already: then somebody else acted, and nothing may be delivered for it.
    """
    found = payments_queries.find_by_number(session, trade.out_trade_no)
    if found is None:
        raise UnknownTrade
    if trade.state not in (TradeState.PAID, TradeState.REFUNDED):
        return Received.IGNORED
    if found.status is PaymentStatus.CAPTURED:
        # Nothing leaves this state, so a repeat needs no lock.
        _compare(found, trade)
        return Received.REPEATED
    order = queries.lock_order(session, found.order_id)
    payment = payments_queries.lock_payment(session, found.id)
    _compare(payment, trade)
    if payment.status is PaymentStatus.CAPTURED:
        return Received.REPEATED
    if trade.state is TradeState.REFUNDED:
        raise TradeMismatch(fields=["state"])
    payments.capture(session, payment, trade, payer_hash_key=payer_hash_key, now=now)
    faultpoint("orders.record_payment.after_capture")
    return _apply(session, order, payment, now=now)


def _compare(payment: Payment, trade: Trade) -> None:
    told: Mapping[str, Any] = {
        "channel": trade.channel.value,
        "app_id": trade.app_id,
        "merchant_id": trade.merchant_id,
        "currency": trade.currency,
        "amount_fen": trade.total_fen,
    }
    ours = {
        "channel": payment.channel.value,
        "app_id": payment.app_id,
        "merchant_id": payment.merchant_id,
        "currency": "CNY",
        "amount_fen": payment.amount_fen,
    }
    differing = sorted(name for name in told if not same(str(told[name]), str(ours[name])))
    if not trade.transaction_no:
        differing.append("transaction_no")
    if payment.transaction_no is not None and payment.transaction_no != trade.transaction_no:
        differing.append("transaction_no")
    if differing:
        raise TradeMismatch(fields=differing)


def _apply(session: Session, order: Order, payment: Payment, *, now: datetime) -> Received:
    if order.status is OrderStatus.PENDING:
        _mark_paid(session, order, now=now)
        return Received.PAID
    if order.status is OrderStatus.CLOSED:
        may_revive = order.close_reason is CloseReason.LAPSED and order.is_revivable
        if may_revive and _reserve_again(session, order, now=now):
            _mark_paid(session, order, now=now)
            return Received.REVIVED
        reason = RefundReason.LATE
    else:
        reason = RefundReason.DOUBLE
    payments.request_refund(
        session,
        payment,
        reason=reason,
        amount_fen=payment.amount_fen,
        from_account=AccountKind.UNEARNED,
        now=now,
    )
    return Received.RETURNED


def _mark_paid(session: Session, order: Order, *, now: datetime) -> None:
    order.paid_at = now
    order.close_reason = order.closed_at = None  # a wish to cancel, or a lapse, was overtaken
    # If delivering fails below, the sweep finds the order due; if it works, `fulfil` settles it.
    order.attempts = 0
    order.due_at = None if order.is_held else now
    move(session, order, OrderStatus.PAID, at=now, actor="platform")
    emit(session, OrderPaid(str(order.id), str(order.member_id)), now=now)
    if order.is_held:
        return
    try:
        with session.begin_nested():
            orders.fulfil(session, order, now=now)
    except orders.Undeliverable:
        # The money is booked whatever happens to the delivery, which a sweep tries again.
        session.refresh(order)


def _reserve_again(session: Session, order: Order, *, now: datetime) -> bool:
    allotments = _allotments_of(session, order)
    try:
        with session.begin_nested():
            for line in sorted(
                queries.list_lines(session, [order.id]), key=lambda line: str(line.sku_id)
            ):
                cards.reserve(
                    session,
                    sku_id=line.sku_id,
                    order_line_id=line.id,
                    quantity=line.quantity,
                    allotted_to=allotments.get(line.sku_id),
                    now=now,
                )
    except cards.OutOfStock:
        return False
    return True


def _allotments_of(session: Session, order: Order) -> Mapping[UUID, UUID]:
    """Return SKU → the allotment it was sold from, for an order of a campaign."""
    if order.campaign_id is None:
        return {}
    items = campaigns.list_items(session, [order.campaign_id])[order.campaign_id]
    return {item.sku_id: item.id for item in items}
