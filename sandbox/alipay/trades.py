"""Trades of Alipay: create, pay, close, expire; one transaction each, so exactly one wins."""

import secrets
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sandbox.alipay import fields, users
from sandbox.alipay.answers import AlipayError
from sandbox.alipay.money import fen, yuan
from sandbox.clock import BEIJING

WAITING = "WAIT_BUYER_PAY"
PAID = "TRADE_SUCCESS"
CLOSED = "TRADE_CLOSED"
FINISHED = "TRADE_FINISHED"
LONGEST_LIFE = timedelta(days=15)
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
PRODUCT = "JSAPI_PAY"


class CannotPay(Exception):
    """The user cannot pay; the reason is for people."""


def find(connection: sqlite3.Connection, content: Mapping[str, Any]) -> sqlite3.Row | None:
    """The trade that the content names; Alipay's own number wins."""
    name = "trade_no" if content.get("trade_no") else "out_trade_no"
    row: sqlite3.Row | None = connection.execute(
        f"SELECT * FROM ap_trades WHERE {name} = ?",  # noqa: S608 - one of two names
        (content[name],),
    ).fetchone()
    return row


def named(connection: sqlite3.Connection, content: Mapping[str, Any]) -> sqlite3.Row:
    """The same; ACQ.TRADE_NOT_EXIST when there is none."""
    trade = find(connection, content)
    if trade is None:
        raise AlipayError("ACQ.TRADE_NOT_EXIST", "交易不存在")
    return trade


def state_at(trade: sqlite3.Row, now: datetime) -> str:
    """The stored state, and what time has made of it."""
    state: str = trade["state"]
    if is_overdue(trade, now):
        return CLOSED
    if state == PAID and now >= datetime.fromisoformat(trade["finishes_at"]):
        return FINISHED
    return state


def is_overdue(trade: sqlite3.Row, now: datetime) -> bool:
    """Does it still wait for its payer although its time is over?"""
    return trade["state"] == WAITING and now >= datetime.fromisoformat(trade["expires_at"])


def create(
    connection: sqlite3.Connection,
    content: Mapping[str, Any],
    *,
    app_id: str,
    seller_id: str,
    notify_url: str | None,
    now: datetime,
) -> tuple[sqlite3.Row, bool]:
    """A new trade, or the same one again; the second value tells whether it is new."""
    _check_parties(connection, content, app_id=app_id, seller_id=seller_id)
    known = find(connection, {"out_trade_no": content["out_trade_no"]})
    if known is not None:
        _check_again(known, content, now)
        return known, False
    expires_at = _expiry(content, now)
    trade_no = f"{now.astimezone(BEIJING):%Y%m%d}2200{secrets.randbelow(10**16):016d}"
    connection.execute(
        "INSERT INTO ap_trades VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL)",
        (
            trade_no,
            content["out_trade_no"],
            content["buyer_open_id"],
            fen(content["total_amount"]),
            WAITING,
            content["subject"],
            content.get("body"),
            content.get("passback_params"),
            notify_url,
            now.isoformat(),
            expires_at.astimezone(UTC).isoformat(),
        ),
    )
    return named(connection, {"trade_no": trade_no}), True


def pay(
    connection: sqlite3.Connection,
    trade_no: str,
    *,
    coupon_fen: int,
    refundable_days: float,
    now: datetime,
) -> sqlite3.Row:
    """The user confirms in the cashier; CannotPay tells why not."""
    trade = find(connection, {"trade_no": trade_no})
    if trade is None:
        raise CannotPay("trade_no is unknown")
    state = state_at(trade, now)
    if state != WAITING:
        raise CannotPay(
            "the trade is closed" if not trade["paid_at"] else "the trade is paid already"
        )
    if not 0 <= coupon_fen < trade["total_fen"]:
        raise CannotPay("the coupon must be less than the total")
    connection.execute(
        "UPDATE ap_trades SET state = ?, coupon_fen = ?, paid_at = ?, finishes_at = ?"
        " WHERE trade_no = ?",
        (
            PAID,
            coupon_fen,
            now.isoformat(),
            (now + timedelta(days=refundable_days)).isoformat(),
            trade_no,
        ),
    )
    return named(connection, {"trade_no": trade_no})


def close(connection: sqlite3.Connection, content: Mapping[str, Any], now: datetime) -> sqlite3.Row:
    """Close a trade that waits for its payer; any other is refused."""
    trade = named(connection, content)
    if state_at(trade, now) != WAITING:
        raise AlipayError("ACQ.REASON_TRADE_STATUS_INVALID", "交易状态异常，非待支付状态不支持关单")
    return end(connection, trade["trade_no"], now)


def end(connection: sqlite3.Connection, trade_no: str, now: datetime) -> sqlite3.Row:
    """Closed from now on, whatever it was."""
    connection.execute(
        "UPDATE ap_trades SET state = ?, closed_at = ? WHERE trade_no = ?",
        (CLOSED, now.isoformat(), trade_no),
    )
    return named(connection, {"trade_no": trade_no})


def shown(trade: sqlite3.Row, content: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The fields of `alipay.trade.query`."""
    paid = trade["paid_at"] is not None
    total = yuan(trade["total_fen"])
    answer: dict[str, Any] = {
        "trade_no": trade["trade_no"],
        "out_trade_no": trade["out_trade_no"],
        "buyer_logon_id": users.masked_logon(trade["buyer_open_id"]),
        "buyer_open_id": trade["buyer_open_id"],
        "buyer_user_type": "PRIVATE",
        "trade_status": state_at(trade, now),
        "total_amount": total,
        "receipt_amount": total if paid else "0.00",
        "buyer_pay_amount": yuan(trade["total_fen"] - trade["coupon_fen"]) if paid else "0.00",
        "point_amount": "0.00",
        "invoice_amount": yuan(trade["total_fen"] - trade["coupon_fen"]) if paid else "0.00",
    }
    if paid:
        answer["send_pay_date"] = local(trade["paid_at"])
    if paid and "fund_bill_list" in content.get("query_options", ()):
        answer["fund_bill_list"] = funds(trade)
    return answer


def funds(trade: sqlite3.Row) -> list[dict[str, str]]:
    """From where the payment came; a coupon here is Alipay's own."""
    own = {
        "amount": yuan(trade["total_fen"] - trade["coupon_fen"]),
        "fund_channel": "ALIPAYACCOUNT",
    }
    if not trade["coupon_fen"]:
        return [own]
    return [own, {"amount": yuan(trade["coupon_fen"]), "fund_channel": "COUPON"}]


def local(at: str, *, milliseconds: bool = False) -> str:
    """A stored time as Alipay writes it."""
    beijing = datetime.fromisoformat(at).astimezone(BEIJING)
    text = f"{beijing:%Y-%m-%d %H:%M:%S}"
    return f"{text}.{beijing.microsecond // 1000:03d}" if milliseconds else text


def _check_parties(
    connection: sqlite3.Connection, content: Mapping[str, Any], *, app_id: str, seller_id: str
) -> None:
    if content["product_code"] != PRODUCT:
        raise AlipayError("ACQ.ACCESS_FORBIDDEN", "无权限使用接口，产品未签约")
    if content["op_app_id"] != app_id:
        raise AlipayError("ACQ.UNBOUND_APPLICATION", "op_app_id未与收单商户绑定")
    if content.get("seller_id", seller_id) != seller_id:
        raise AlipayError("ACQ.SELLER_NOT_EXIST", "卖家不存在")
    if not users.is_known(connection, content["buyer_open_id"]):
        raise AlipayError("ACQ.BUYER_NOT_EXIST", "买家不存在")


def _check_again(known: sqlite3.Row, content: Mapping[str, Any], now: datetime) -> None:
    state = state_at(known, now)
    if state in {PAID, FINISHED}:
        raise AlipayError("ACQ.TRADE_HAS_SUCCESS", "交易已被支付")
    if state == CLOSED:
        raise AlipayError("ACQ.TRADE_HAS_CLOSE", "交易已经关闭")
    if known["buyer_open_id"] != content["buyer_open_id"]:
        raise AlipayError("ACQ.TRADE_BUYER_NOT_MATCH", "交易买家不匹配")
    if known["total_fen"] != fen(content["total_amount"]):
        raise AlipayError("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改")


def _expiry(content: Mapping[str, Any], now: datetime) -> datetime:
    """`time_expire` wins over `timeout_express`; fifteen days at most, and without either."""
    latest = now + LONGEST_LIFE
    if content.get("time_expire"):
        at = fields.moment(content["time_expire"])
        if at <= now:
            raise AlipayError("ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR", "当前时间晚于超时时间")
        return min(at, latest)
    wait = content.get("timeout_express")
    if not wait:
        return latest
    if wait == "1c":
        today = now.astimezone(BEIJING).date()
        return datetime.combine(today + timedelta(days=1), time.min, BEIJING)
    at = now + timedelta(**{UNITS[wait[-1]]: int(wait[:-1])})
    if at > latest:
        raise AlipayError("ACQ.INVALID_PARAMETER", "timeout_express取值范围：1m～15d")
    return at
