"""Asking the platforms: how a trade or a refund stands, and to close, refund and note deliveries.

Every function here is called by a sweep (or by a member's payment) and talks to the outside
between two short transactions; a crash in between leaves a row that is due again.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from kit.db import Begin
from kit.faultpoints import faultpoint
from kit.retry import delay_after
from kit.sweep import is_due, lease, postpone
from shop.orders import queries, receiving
from shop.payments import queries as payments_queries
from shop.payments import service as payments
from shop.payments.gateway import (
    AlreadyPaid,
    Channel,
    GatewayError,
    PaymentGateway,
    Trade,
    TradeState,
)
from shop.payments.models import Payment

log = logging.getLogger(__name__)

LONGEST_SILENCE: Final = timedelta(seconds=45)  # a lost notice is made up for within a minute

Gateways = Mapping[Channel, PaymentGateway]


def ask_about_payment(
    begin: Begin,
    gateways: Gateways,
    payment_id: UUID,
    *,
    payer_hash_key: bytes,
    now: datetime,
    only_if_due: bool = False,
) -> None:
    """Query an open trade and apply the answer; `only_if_due` for sweeps, of which two may run."""
    with begin() as session:
        payment = _lease_payment(session, payment_id, only_if_due=only_if_due, now=now)
    if payment is None:
        return
    try:
        trade = gateways[payment.channel].query(out_trade_no=payment.out_trade_no)
    except GatewayError as exc:
        with begin() as session:
            _postpone_payment(session, payment_id, exc.code or type(exc).__name__, now=now)
        return
    faultpoint("orders.asking.after_query")
    apply_trade(begin, payment_id, trade, payer_hash_key=payer_hash_key, now=now)


def apply_trade(
    begin: Begin, payment_id: UUID, trade: Trade, *, payer_hash_key: bytes, now: datetime
) -> None:
    """Apply what a query told of one of our trades."""
    try:
        with begin() as session:
            received = receiving.record_payment(
                session, trade, payer_hash_key=payer_hash_key, now=now
            )
            if received is receiving.Received.IGNORED:
                _note_unpaid(session, payment_id, trade, now=now)
    except receiving.TradeMismatch as exc:
        with begin() as session:
            payments.note_security_event(
                session,
                kind="payment.mismatch",
                subject=trade.out_trade_no,
                detail=exc.details,
                now=now,
            )
            _postpone_payment(session, payment_id, exc.code, now=now)


def close_at_platform(
    begin: Begin, gateways: Gateways, payment_id: UUID, *, payer_hash_key: bytes, now: datetime
) -> bool:
    """Close an open trade at the platform, then here; False when it turned out paid or unsure."""
    with begin() as session:
        payment = _lease_payment(session, payment_id, only_if_due=False, now=now)
    if payment is None:
        return True
    try:
        gateways[payment.channel].close(out_trade_no=payment.out_trade_no)
    except AlreadyPaid:
        ask_about_payment(begin, gateways, payment_id, payer_hash_key=payer_hash_key, now=now)
        return False
    except GatewayError as exc:
        with begin() as session:
            _postpone_payment(session, payment_id, exc.code or type(exc).__name__, now=now)
        return False
    faultpoint("orders.asking.after_close")
    with begin() as session:
        queries.lock_order(session, payment.order_id)
        kept = payments_queries.lock_payment(session, payment_id)
        if kept.status in payments_queries.OPEN:
            payments.close_payment(session, kept, now=now, actor="orders")
    return True


def _lease_payment(
    session: Session, payment_id: UUID, *, only_if_due: bool, now: datetime
) -> Payment | None:
    payment = payments_queries.lock_payment(session, payment_id)
    if payment.status not in payments_queries.OPEN:
        return None
    if only_if_due and not is_due(payment, now=now):
        return None
    lease(payment, now=now)
    return payment


def _postpone_payment(session: Session, payment_id: UUID, why: str, *, now: datetime) -> None:
    payment = payments_queries.lock_payment(session, payment_id)
    if payment.status in payments_queries.OPEN:
        by = min(delay_after(payment.attempts) * 4, LONGEST_SILENCE)
        postpone(payment, why, now=now, by=by)


def _note_unpaid(session: Session, payment_id: UUID, trade: Trade, *, now: datetime) -> None:
    """The platform says the trade is not paid: ask again later, or never when it is closed."""
    if trade.state is TradeState.CLOSED:
        payment = payments_queries.lock_payment(session, payment_id)
        if payment.status in payments_queries.OPEN:
            payments.close_payment(session, payment, now=now, actor="platform")
        return
    _postpone_payment(session, payment_id, trade.state.value, now=now)
