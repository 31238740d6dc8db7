"""Notices of Alipay: a signed form, repeated until the merchant answers `success`."""

import secrets
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

from sandbox.alipay import refunds, trades, transfer_messages
from sandbox.alipay.answers import compact
from sandbox.alipay.money import fen, yuan
from sandbox.alipay.platform import SIGN_TYPE, Platform, SigningKey
from sandbox.clock import BEIJING
from sandbox.faults import Fault
from sandbox.notices import Channel, Notice
from sandbox.peer import Peer
from sandbox.sender import Message

MINUTE = 60
HOUR = 3600
LADDER_SECONDS = (
    4 * MINUTE,
    10 * MINUTE,
    10 * MINUTE,
    1 * HOUR,
    2 * HOUR,
    6 * HOUR,
    15 * HOUR,
)
TAKEN = b"success"
HEADERS = {
    "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
    "Accept": "*/*",
    "User-Agent": "Mozilla/4.0",
}
TOTALS = ("total_amount", "receipt_amount", "buyer_pay_amount", "invoice_amount")


def channel(peer: Peer, platform: Platform) -> Channel:
    """How `sandbox.notices` delivers for this platform."""

    def render(notice: Notice, fault: Fault | None) -> Message:
        return _message(peer, platform, notice, fault)

    return Channel(
        platform="alipay",
        ladder_seconds=LADDER_SECONDS,
        render=render,
        accepted=lambda status, body: status == 200 and body == TAKEN,
    )


def announce(
    peer: Peer,
    platform: Platform,
    connection: sqlite3.Connection,
    *,
    trade: sqlite3.Row,
    refund: sqlite3.Row | None = None,
) -> str | None:
    """Write the notice of what became of the trade; None when nobody is to be told."""
    url = refund["notify_url"] if refund else trade["notify_url"]
    if not url:
        return None
    content = _content(platform, connection, trade, refund, peer.clock.now())
    names = ("out_trade_no", "trade_no", "out_biz_no", "notify_id")
    subject = {name: content[name] for name in names if name in content}
    if refund:
        subject["out_request_no"] = refund["out_request_no"]
    return peer.notices.announce(
        connection,
        platform="alipay",
        target="alipay.notice",
        event=f"{trade['state']}.refund" if refund else trade["state"],
        url=url,
        subject=subject,
        content=content,
    )


def signed_form(
    key: SigningKey,
    fields: Mapping[str, str],
    *,
    require_rsa: bool = True,
    corrupt: bool = False,
    with_sign_type: bool = False,
) -> dict[str, str]:
    """The fields with `sign_type` and `sign`; the latter covers the former only if asked to."""
    covered = dict(fields) | ({"sign_type": SIGN_TYPE} if with_sign_type else {})
    text = "&".join(f"{name}={value}" for name, value in sorted(covered.items()))
    signature = key.sign(text, require_rsa=require_rsa, corrupt=corrupt)
    return dict(fields) | {"sign_type": SIGN_TYPE, "sign": signature}


def timed(peer: Peer, fields: Mapping[str, str]) -> dict[str, str]:
    """The fields with the time of this attempt."""
    now = peer.clock.real_now()
    if transfer_messages.is_message(fields):
        return dict(fields) | {"utc_timestamp": str(int(now.timestamp() * 1000))}
    return dict(fields) | {"notify_time": f"{now.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"}


def _message(peer: Peer, platform: Platform, notice: Notice, fault: Fault | None) -> Message:
    kind = fault.kind if fault else None
    fields = timed(peer, notice.content)
    if fault and kind == "wrong_amount" and transfer_messages.is_message(fields):
        fields = transfer_messages.off_by(fields, fault)
    elif fault and kind == "wrong_amount":
        names = ("refund_fee",) if "refund_fee" in fields else TOTALS
        fields |= {
            name: yuan(fault.wrong_fen(fen(fields[name]) or 0)) for name in names if name in fields
        }
    form = signed_form(
        platform.signing_key(peer.settings.get("alipay_certificate")),
        fields,
        require_rsa=peer.settings.get("require_rsa"),
        corrupt=kind == "bad_signature",
    )
    return Message(notice.url, dict(HEADERS), urlencode(form).encode())


def _content(
    platform: Platform,
    connection: sqlite3.Connection,
    trade: sqlite3.Row,
    refund: sqlite3.Row | None,
    now: datetime,
) -> dict[str, str]:
    """The fields that stay the same in every attempt."""
    fields = {
        "notify_type": "trade_status_sync",
        "notify_id": f"{now.astimezone(BEIJING):%Y%m%d00222%H%M%S}{secrets.randbelow(10**15):015d}",
        "app_id": platform.app_id,
        "auth_app_id": platform.app_id,
        "charset": "utf-8",
        "version": "1.0",
        "seller_id": platform.seller_id,
        "trade_no": trade["trade_no"],
        "out_trade_no": trade["out_trade_no"],
        "buyer_open_id": trade["buyer_open_id"],
        "trade_status": trade["state"],
        "total_amount": yuan(trade["total_fen"]),
        "subject": trade["subject"],
        "gmt_create": trades.local(trade["created_at"]),
    }
    fields |= {name: trade[name] for name in ("body", "passback_params") if trade[name] is not None}
    if trade["paid_at"]:
        fields |= _payment(trade)
    if trade["closed_at"]:
        fields["gmt_close"] = trades.local(trade["closed_at"])
    if refund:
        fields |= {
            "out_biz_no": refund["out_request_no"],
            "refund_fee": yuan(refunds.returned_fen(connection, trade["trade_no"])),
            "gmt_refund": trades.local(refund["finished_at"], milliseconds=True),
        }
    return fields


def _payment(trade: sqlite3.Row) -> dict[str, str]:
    own = yuan(trade["total_fen"] - trade["coupon_fen"])
    funds = [
        {"amount": fund["amount"], "fundChannel": fund["fund_channel"]}
        for fund in trades.funds(trade)
    ]
    return {
        "receipt_amount": yuan(trade["total_fen"]),
        "buyer_pay_amount": own,
        "invoice_amount": own,
        "point_amount": "0.00",
        "gmt_payment": trades.local(trade["paid_at"]),
        "fund_bill_list": f"[{','.join(compact(fund) for fund in funds)}]",
    }
