"""Receiving a platform's notice about a transfer; acknowledged only after the commit."""

from collections.abc import Mapping
from datetime import datetime

from kit.clock import Clock
from kit.db import Begin
from shop.payments import service as payments
from shop.payments.gateway import NoticeRejected
from shop.payments.rejections import Rejections
from shop.payments.transfer_gateway import TransferGateway
from shop.withdrawals.sending import TransferMismatch, record_transfer

PROBE = "probe"  # WeChat Pay tests now and then whether bad signatures are refused


def receive_notice(
    begin: Begin,
    gateway: TransferGateway,
    *,
    headers: Mapping[str, str],
    body: bytes,
    clock: Clock,
    rejections: Rejections,
) -> None:
    """Apply a notice in one transaction; returning means it is committed.

    Raises `NoticeRejected` or `TransferMismatch`, each written down as a security event before; of
    many rejections at once, some.
    """
    now, channel = clock(), gateway.channel
    try:
        notice = gateway.read_notice(headers=headers, body=body, now=now)
    except NoticeRejected as exc:
        if exc.reason != PROBE:
            rejections.note(begin, channel, exc.reason, now=now)
        raise
    transfer = notice.transfer
    number = None if transfer is None else transfer.out_bill_no
    try:
        with begin() as session:
            payments.note_notice_of(
                session, channel, notice.notice_id, notice.kind, number=number, now=now
            )
            if transfer is not None:
                record_transfer(session, transfer, now=now)
    except TransferMismatch as exc:
        detail = dict(exc.details)
        _note(begin, gateway, exc.code, subject=number or "", detail=detail, now=now)
        raise


def _note(
    begin: Begin,
    gateway: TransferGateway,
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
