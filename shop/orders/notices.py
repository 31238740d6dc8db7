"""Receiving a platform's notice: authenticate, apply, acknowledge only after the commit."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from kit.clock import Clock
from kit.db import Begin
from kit.errors import DomainError
from shop.orders import receiving, refunding
from shop.payments import service as payments
from shop.payments.gateway import Notice, NoticeRejected, PaymentGateway
from shop.payments.rejections import Rejections

PROBE = "probe"  # WeChat Pay tests now and then whether bad signatures are refused


def receive_notice(
    begin: Begin,
    gateway: PaymentGateway,
    *,
    headers: Mapping[str, str],
    body: bytes,
    payer_hash_key: bytes,
    clock: Clock,
    rejections: Rejections,
) -> None:
    """Apply a notice in one transaction; returning means it is committed.

    Raises `NoticeRejected`, `UnknownTrade`, `TradeMismatch` or `RefundMismatch`, each written
    down as a security event before; of many rejections at once, some.
    """
    now = clock()
    try:
        notice = gateway.read_notice(headers=headers, body=body, now=now)
    except NoticeRejected as exc:
        if exc.reason != PROBE:
            rejections.note(begin, gateway.channel, exc.reason, now=now)
        raise
    try:
        with begin() as session:
            apply_notice(session, notice, payer_hash_key=payer_hash_key, now=now)
    except (receiving.UnknownTrade, receiving.TradeMismatch, refunding.RefundMismatch) as exc:
        _note(begin, gateway, exc.code, subject=_subject_of(notice), detail=_detail(exc), now=now)
        raise


def apply_notice(session: Session, notice: Notice, *, payer_hash_key: bytes, now: datetime) -> None:
    """Note the notice and apply the trade or refund it tells of; repeats change nothing."""
    payments.note_notice(session, notice, now=now)
    if notice.trade is not None:
        receiving.record_payment(session, notice.trade, payer_hash_key=payer_hash_key, now=now)
    if notice.refund is not None:
        refunding.record_refund(session, notice.refund, now=now)


def _subject_of(notice: Notice) -> str:
    told = notice.trade or notice.refund
    return told.out_trade_no if told else notice.channel.value


def _detail(exc: DomainError) -> dict[str, object]:
    return dict(exc.details)


def _note(
    begin: Begin,
    gateway: PaymentGateway,
    reason: str,
    *,
    subject: str,
    detail: dict[str, object],
    now: datetime,
) -> None:
    with begin() as session:
        payments.note_security_event(
            session,
            kind=f"notice.{reason}"[:64],
            subject=subject,
            detail={"channel": gateway.channel.value, **detail},
            now=now,
        )
