"""Orders of WeChat Pay: place, query, pay, close; one transaction each, so exactly one wins."""

import json
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.clock import BEIJING, beijing_text
from sandbox.wechat_pay.answers import PayError
from sandbox.wechat_pay.platform import Platform

PREPAY_HOURS = 2
ORDER_DAYS = 7
LEAST_AHEAD = timedelta(minutes=1)
PAID_NUMBER = 268449538
CHANGED_NUMBER = 268498688
EXPIRED_NUMBER = 268447914
UNKNOWN_NUMBER = 268512771
STATE_TEXTS = {
    "SUCCESS": "支付成功",
    "REFUND": "转入退款",
    "NOTPAY": "订单未支付",
    "CLOSED": "订单已关闭",
}


class CannotPay(Exception):
    """The user cannot pay; the reason is for people."""


@dataclass(frozen=True)
class Paid:
    """What a payment brought about."""

    out_trade_no: str
    transaction_id: str
    notify_url: str
    notice: dict[str, Any]


def place(connection: sqlite3.Connection, body: Mapping[str, Any], now: datetime) -> str:
    """A new order, or the same one again; returns a fresh prepay_id."""
    number = body["out_trade_no"]
    parameters = json.dumps(body, sort_keys=True)
    order = find(connection, number)
    if order is None:
        _insert(connection, body, parameters, now)
    else:
        _check_again(order, parameters, now)
    prepay_id = f"wx{now.astimezone(BEIJING):%d%H%M%S}{secrets.token_hex(13)}"
    connection.execute(
        "INSERT INTO wp_prepays VALUES (?, ?, ?)",
        (prepay_id, number, (now + timedelta(hours=PREPAY_HOURS)).isoformat()),
    )
    return prepay_id


def find(connection: sqlite3.Connection, out_trade_no: str) -> sqlite3.Row | None:
    """The order by the merchant's number."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM wp_orders WHERE out_trade_no = ?", (out_trade_no,)
    ).fetchone()
    return row


def find_transaction(connection: sqlite3.Connection, transaction_id: str) -> sqlite3.Row | None:
    """The paid order by the platform's number."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM wp_orders WHERE transaction_id = ?", (transaction_id,)
    ).fetchone()
    return row


def not_found() -> PayError:
    """404 ORDER_NOT_EXIST."""
    return PayError("ORDER_NOT_EXIST", "订单不存在", number=UNKNOWN_NUMBER)


def state_at(order: sqlite3.Row, now: datetime) -> str:
    """The stored state; an order nobody paid for seven days is closed."""
    if order["state"] == "NOTPAY" and now >= _last_day(order):
        return "CLOSED"
    state: str = order["state"]
    return state


def shown(order: sqlite3.Row, platform: Platform, now: datetime) -> dict[str, Any]:
    """The answer of a query, and the plaintext of the paid notice."""
    state = state_at(order, now)
    answer: dict[str, Any] = {
        "appid": platform.app_id,
        "mchid": platform.mch_id,
        "out_trade_no": order["out_trade_no"],
        "trade_state": state,
        "trade_state_desc": STATE_TEXTS[state],
        "payer": {"openid": order["openid"]},
    }
    if order["attach"] is not None:
        answer["attach"] = order["attach"]
    if order["transaction_id"] is None:
        return answer | {"amount": {"total": order["total_fen"], "currency": "CNY"}}
    answer |= {
        "transaction_id": order["transaction_id"],
        "trade_type": "JSAPI",
        "bank_type": "OTHERS",
        "success_time": beijing_text(datetime.fromisoformat(order["success_at"])),
        "amount": {
            "total": order["total_fen"],
            "payer_total": order["payer_total_fen"],
            "currency": "CNY",
            "payer_currency": "CNY",
        },
    }
    coupon_fen = order["total_fen"] - order["payer_total_fen"]
    if coupon_fen:
        answer["promotion_detail"] = [_promotion(order, coupon_fen)]
    return answer


def pay(
    connection: sqlite3.Connection,
    platform: Platform,
    *,
    prepay_id: str,
    coupon_fen: int,
    now: datetime,
) -> Paid:
    """The user confirms in the cashier; CannotPay tells why not."""
    prepay = connection.execute(
        "SELECT * FROM wp_prepays WHERE prepay_id = ?", (prepay_id,)
    ).fetchone()
    if prepay is None:
        raise CannotPay("prepay_id is unknown")
    order = find(connection, prepay["out_trade_no"])
    if order is None:
        raise CannotPay("the order is gone")
    _check_payable(order, prepay["expires_at"], now)
    if not 0 <= coupon_fen < order["total_fen"]:
        raise CannotPay("the coupon must be less than the total")
    transaction_id = f"42000{now.astimezone(BEIJING):%Y%m%d}{secrets.randbelow(10**15):015d}"
    connection.execute(
        "UPDATE wp_orders SET state = 'SUCCESS', transaction_id = ?, success_at = ?,"
        " payer_total_fen = total_fen - ? WHERE out_trade_no = ?",
        (transaction_id, now.isoformat(), coupon_fen, order["out_trade_no"]),
    )
    paid = find(connection, order["out_trade_no"])
    if paid is None:
        raise CannotPay("the order is gone")
    return Paid(
        out_trade_no=paid["out_trade_no"],
        transaction_id=transaction_id,
        notify_url=paid["notify_url"],
        notice=shown(paid, platform, now),
    )


def close(connection: sqlite3.Connection, out_trade_no: str, now: datetime) -> None:
    """Close an unpaid order; closing a closed one again is no error."""
    order = find(connection, out_trade_no)
    if order is None:
        raise not_found()
    if order["state"] in {"SUCCESS", "REFUND"}:
        raise _paid_already()
    if order["state"] == "NOTPAY" and now >= _last_day(order):
        raise PayError("ORDER_CLOSED", "订单已超过7天，已关闭", number=EXPIRED_NUMBER)
    connection.execute(
        "UPDATE wp_orders SET state = 'CLOSED' WHERE out_trade_no = ?", (out_trade_no,)
    )


def _insert(
    connection: sqlite3.Connection, body: Mapping[str, Any], parameters: str, now: datetime
) -> None:
    expire = body.get("time_expire")
    if expire is not None and moment(expire) < now + LEAST_AHEAD:
        raise PayError("PARAM_ERROR", "time_expire须晚于当前时间1分钟以上", number=EXPIRED_NUMBER)
    connection.execute(
        "INSERT INTO wp_orders VALUES (?, NULL, ?, ?, ?, 'NOTPAY', ?, ?, ?, ?, ?, ?, NULL)",
        (
            body["out_trade_no"],
            body["payer"]["openid"],
            body["amount"]["total"],
            body["amount"]["total"],
            parameters,
            body["description"],
            body.get("attach"),
            body["notify_url"],
            expire,
            now.isoformat(),
        ),
    )


def _check_again(order: sqlite3.Row, parameters: str, now: datetime) -> None:
    """The number is known: paid and closed ones are refused, changed parameters too."""
    if order["state"] in {"SUCCESS", "REFUND"}:
        raise _paid_already()
    if state_at(order, now) == "CLOSED":
        raise PayError("ORDER_CLOSED", "订单已关闭")
    if order["parameters"] != parameters:
        raise PayError(
            "INVALID_REQUEST", "请求重入时，参数与首次请求时不一致", number=CHANGED_NUMBER
        )
    if order["time_expire"] is not None and moment(order["time_expire"]) <= now:
        raise PayError("INVALID_REQUEST", "订单已超过支付结束时间", number=EXPIRED_NUMBER)


def _check_payable(order: sqlite3.Row, prepay_expires_at: str, now: datetime) -> None:
    if order["state"] in {"SUCCESS", "REFUND"}:
        raise CannotPay("the order is paid already")
    if state_at(order, now) == "CLOSED":
        raise CannotPay("the order is closed")
    if datetime.fromisoformat(prepay_expires_at) <= now:
        raise CannotPay("prepay_id expired")
    if order["time_expire"] is not None and moment(order["time_expire"]) <= now:
        raise CannotPay("time_expire has passed")


def moment(text: str) -> datetime:
    """RFC 3339 with an offset; PARAM_ERROR otherwise."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as problem:
        raise PayError("PARAM_ERROR", "time_expire格式错误") from problem
    if at.tzinfo is None:
        raise PayError("PARAM_ERROR", "time_expire缺少时区")
    return at


def _last_day(order: sqlite3.Row) -> datetime:
    return datetime.fromisoformat(order["created_at"]) + timedelta(days=ORDER_DAYS)


def _paid_already() -> PayError:
    return PayError("ORDERPAID", "订单已支付", number=PAID_NUMBER)


def _promotion(order: sqlite3.Row, coupon_fen: int) -> dict[str, Any]:
    return {
        "coupon_id": f"C{order['transaction_id']}",
        "name": "平台优惠券",
        "scope": "GLOBAL",
        "type": "CASH",
        "amount": coupon_fen,
        "stock_id": "100001",
        "wechatpay_contribute": coupon_fen,
        "merchant_contribute": 0,
        "other_contribute": 0,
        "currency": "CNY",
    }
