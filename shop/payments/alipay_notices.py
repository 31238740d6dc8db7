"""Notices of Alipay: authenticated over the form's values, bound to us, told apart, read."""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from kit.alipay import SIGN_TYPE, AlipayApi
from kit.crypto import same
from kit.money import Fen
from shop.payments.alipay_facts import trade_in, transfer_in
from shop.payments.gateway import (
    Channel,
    Notice,
    NoticeRejected,
    RefundResult,
    RefundState,
    TradeState,
)
from shop.payments.reading import Unreadable, beijing_of, number_of, text_of, yuan_of
from shop.payments.transfer_gateway import TransferNotice

MOST_BYTES: Final = 1_000_000
MOST_FIELDS: Final = 200
LONGEST_KIND: Final = 64
TRADE: Final = "trade_status_sync"
SERVICE_MARKET: Final = "servicemarket_order_notify"
TRANSFER_CHANGED: Final = "alipay.fund.trans.order.changed"


def read(api: AlipayApi, *, body: bytes, seller_id: str) -> Notice:
    """Return an authentic notice about our application; raises `NoticeRejected`.

    Its id joins `notify_id`, status and refund number, which are the same in every repeat. There is
    no time limit: the platform repeats a notice for 25 hours, so a replay is met by that id.
    """
    params = form_in(body)
    _authenticate(api, params)
    kind = _kind_of(params)
    try:
        if kind != TRADE:
            notice_id = text_of(params, "notify_id")
            return Notice(Channel.ALIPAY, notice_id, kind, trade=None, refund=None)
        if not same(params.get("seller_id", ""), seller_id):
            raise NoticeRejected("foreign_seller_id")
        return _trade_notice(params, app_id=api.app_id, seller_id=seller_id)
    except Unreadable as exc:
        raise NoticeRejected("malformed") from exc


def read_transfer(
    api: AlipayApi, *, body: bytes, seller_id: str, product: Mapping[str, str]
) -> TransferNotice:
    """Return an authentic message about our application; raises `NoticeRejected`.

    One address takes all of its messages. What is not about a transfer of the product is none of
    ours, and says so. The seller is not named: the application stands for it.
    """
    params = form_in(body)
    _authenticate(api, params)
    kind = _kind_of(params)
    try:
        notice_id = text_of(params, "notify_id")
        if kind != TRANSFER_CHANGED:
            return TransferNotice(notice_id, kind, transfer=None)
        content = _content_of(params)
        if any(content.get(name) != value for name, value in product.items()):
            return TransferNotice(notice_id, kind, transfer=None)
        transfer = transfer_in(content, seller_id=seller_id, has_amount=True, time_name="pay_date")
        return TransferNotice(notice_id, kind, transfer)
    except Unreadable as exc:
        raise NoticeRejected("malformed") from exc


def form_in(body: bytes) -> dict[str, str]:
    """Read the form strictly; a name that comes twice would let two readers see two notices."""
    if len(body) > MOST_BYTES:
        raise NoticeRejected("malformed")
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        raise NoticeRejected("malformed") from None
    params = dict(pairs)
    if len(params) != len(pairs):
        raise NoticeRejected("malformed")
    return params


def _authenticate(api: AlipayApi, params: Mapping[str, str]) -> None:
    if not params.get("sign"):
        raise NoticeRejected("unsigned")
    if not same(params.get("sign_type", ""), SIGN_TYPE):
        raise NoticeRejected("algorithm")
    with_sign_type = params.get("notify_type") == SERVICE_MARKET
    if not api.is_authentic(params, with_sign_type=with_sign_type):
        raise NoticeRejected("bad_signature")
    if not same(params.get("app_id", ""), api.app_id):
        raise NoticeRejected("foreign_app_id")


def _kind_of(params: Mapping[str, str]) -> str:
    return (params.get("notify_type") or params.get("msg_method") or "unnamed")[:LONGEST_KIND]


def _content_of(params: Mapping[str, str]) -> dict[str, Any]:
    try:
        content = json.loads(params.get("biz_content", ""))
    except (ValueError, RecursionError):
        raise Unreadable("biz_content") from None
    if not isinstance(content, dict):
        raise Unreadable("biz_content")
    return content


def _trade_notice(params: Mapping[str, str], *, app_id: str, seller_id: str) -> Notice:
    refund_no = number_of(params, "out_biz_no") if params.get("out_biz_no") else ""
    notice_id = f"{text_of(params, 'notify_id')}:{text_of(params, 'trade_status')}:{refund_no}"
    if len(notice_id) > 200:
        raise Unreadable("notify_id")
    trade = trade_in(params, app_id=app_id, seller_id=seller_id, is_notice=True)
    if not any(params.get(name) for name in ("gmt_refund", "out_biz_no")):
        return Notice(Channel.ALIPAY, notice_id, TRADE, trade, refund=None)
    # It repeats the trade's status and amount, and must not pass for a payment once more.
    kind = f"{TRADE}.refund"
    refund = _refund_in(params, trade.total_fen, refund_no, seller_id=seller_id)
    is_refunded = trade.state in (TradeState.PAID, TradeState.REFUNDED)
    return Notice(Channel.ALIPAY, notice_id, kind, None, refund if is_refunded else None)


def _refund_in(
    params: Mapping[str, str], total_fen: Fen | None, refund_no: str, *, seller_id: str
) -> RefundResult | None:
    """Read which refund is done; `refund_fee` is the sum of all, so this one's amount is not told.

    Without a time of the refund nothing is done yet, and without a number it is not known which.
    """
    refunded_fen = yuan_of(params, "refund_fee")
    if total_fen is None or refunded_fen > total_fen:
        raise Unreadable("refund_fee")
    at = beijing_of(params, "gmt_refund")
    if at is None or not refund_no:
        return None
    return RefundResult(
        channel=Channel.ALIPAY,
        merchant_id=seller_id,
        out_trade_no=number_of(params, "out_trade_no"),
        out_refund_no=refund_no,
        state=RefundState.DONE,
        amount_fen=None,
        platform_refund_no=None,
        finished_at=at,
    )
