"""Notices of WeChat Pay: authenticated over their raw bytes, decrypted, bound to us, read."""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from kit.crypto import same
from kit.outbound import header
from shop.payments.gateway import Channel, Notice, NoticeRejected
from shop.payments.reading import Unreadable, object_of, text_of
from shop.payments.transfer_gateway import TransferNotice
from shop.payments.wechat_pay_client import SIGNATURE_HEADERS, SIGNATURE_TYPE, PayClient
from shop.payments.wechat_pay_facts import refund_in, trade_in, transfer_in

PROBE: Final = "WECHATPAY/SIGNTEST/"
MOST_BYTES: Final = 1_000_000
ALGORITHM: Final = "AEAD_AES_256_GCM"
LONGEST_KIND: Final = 64
TRANSFER_ENDED: Final = "MCHTRANSFER.BILL.FINISHED"
_SECONDS: Final = re.compile(r"[0-9]{1,11}", re.ASCII)


def read(
    client: PayClient,
    *,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    app_id: str,
    mch_id: str,
    fresh_within: timedelta,
) -> Notice:
    """Return an authentic, fresh notice about our merchant; raises `NoticeRejected`."""
    _check_headers(client, headers, now=now, fresh_within=fresh_within)
    envelope, plain = _open(client, headers, body)
    try:
        kind = text_of(envelope, "event_type")[:LONGEST_KIND]
        about = object_of(envelope, "resource").get("original_type")
        notice_id = text_of(envelope, "id")
        trade = refund = None
        if kind == "TRANSACTION.SUCCESS" and about == "transaction":
            _bind(plain, "appid", app_id)
            _bind(plain, "mchid", mch_id)
            trade = trade_in(plain)
        elif kind.startswith("REFUND.") and about == "refund":
            _bind(plain, "mchid", mch_id)
            refund = refund_in(plain, merchant_id=mch_id, state_name="refund_status")
    except Unreadable as exc:
        raise NoticeRejected("malformed") from exc
    return Notice(Channel.WECHAT_PAY, notice_id, kind, trade, refund)


def read_transfer(
    client: PayClient,
    *,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    mch_id: str,
    fresh_within: timedelta,
) -> TransferNotice:
    """Return an authentic, fresh notice about a transfer of ours; raises `NoticeRejected`."""
    _check_headers(client, headers, now=now, fresh_within=fresh_within)
    envelope, plain = _open(client, headers, body)
    try:
        kind = text_of(envelope, "event_type")[:LONGEST_KIND]
        about = object_of(envelope, "resource").get("original_type")
        if kind != TRANSFER_ENDED or about != "mch_payment":
            raise NoticeRejected("foreign_kind")
        _bind(plain, "mch_id", mch_id)
        return TransferNotice(text_of(envelope, "id"), kind, transfer_in(plain))
    except Unreadable as exc:
        raise NoticeRejected("malformed") from exc


def _check_headers(
    client: PayClient, headers: Mapping[str, str], *, now: datetime, fresh_within: timedelta
) -> None:
    """Refuse what is cheap to refuse before any arithmetic with keys."""
    signature, stamp, nonce, serial, kind = (header(headers, name) for name in SIGNATURE_HEADERS)
    if not all((signature, stamp, nonce, serial)):
        raise NoticeRejected("unsigned")
    if not _SECONDS.fullmatch(stamp):
        raise NoticeRejected("malformed")
    if abs(now.timestamp() - int(stamp)) > fresh_within.total_seconds():
        raise NoticeRejected("stale")
    if signature.startswith(PROBE):
        raise NoticeRejected("probe")
    if not same(kind, SIGNATURE_TYPE):
        raise NoticeRejected("algorithm")
    if not client.core.knows(serial):
        raise NoticeRejected("unknown_serial")


def _open(
    client: PayClient, headers: Mapping[str, str], body: bytes
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Verify the bytes as they came, then decrypt; return the envelope and the plaintext."""
    if len(body) > MOST_BYTES:
        raise NoticeRejected("malformed")
    try:
        text = body.decode()
        if not client.core.is_signed(headers, text):
            raise NoticeRejected("bad_signature")
        envelope = json.loads(text)
        resource = object_of(envelope, "resource")
        if resource.get("algorithm") != ALGORITHM:
            raise NoticeRejected("algorithm")
        # The library checks the signature once more and returns nothing for what it cannot open.
        opened = client.callback(dict(headers), body)
        if not isinstance(opened, dict) or not isinstance(opened.get("resource"), dict):
            raise NoticeRejected("undecryptable")
        return envelope, opened["resource"]
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise NoticeRejected("malformed") from None


def _bind(plain: Mapping[str, Any], name: str, ours: str) -> None:
    if not same(text_of(plain, name), ours):
        raise NoticeRejected(f"foreign_{name}")
