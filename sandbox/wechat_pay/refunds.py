"""Refunds of WeChat Pay: accepted at once, finished later, never more than was paid."""

import secrets
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sandbox.clock import BEIJING, beijing_text
from sandbox.wechat_pay.answers import PayError
from sandbox.wechat_pay.orders import find, find_transaction

MOST_PARTS = 50
REFUND_DAYS = 365


def request(
    connection: sqlite3.Connection,
    body: Mapping[str, Any],
    *,
    now: datetime,
    due: float,
    least_interval_seconds: float,
    afford: Callable[[int], None],
) -> tuple[sqlite3.Row, bool]:
    """Accept a refund; the same number with the same content is the same refund.

    Returns the row and whether it is new. `due` is the wall-clock second at which it finishes;
    `afford` raises when the merchant's balance does not cover the amount.
    """
    order = _order(connection, body)
    known = find_refund(connection, body["out_refund_no"])
    if known is not None:
        _check_same(known, order, body)
        return known, False
    _check_order(order, body, now)
    _check_room(connection, order, body, now, least_interval_seconds)
    afford(body["amount"]["refund"])
    refund_id = f"5030{now.astimezone(BEIJING):%Y%m%d}{secrets.randbelow(10**17):017d}"
    connection.execute(
        "INSERT INTO wp_refunds VALUES (?, ?, ?, ?, ?, ?, 'PROCESSING', ?, NULL, ?)",
        (
            body["out_refund_no"],
            refund_id,
            order["out_trade_no"],
            body["amount"]["refund"],
            body.get("reason"),
            body.get("notify_url"),
            now.isoformat(),
            due,
        ),
    )
    connection.execute(
        "UPDATE wp_orders SET state = 'REFUND' WHERE out_trade_no = ?", (order["out_trade_no"],)
    )
    row = find_refund(connection, body["out_refund_no"])
    if row is None:
        raise PayError("SYSTEM_ERROR", "系统错误")
    return row, True


def find_refund(connection: sqlite3.Connection, out_refund_no: str) -> sqlite3.Row | None:
    """The refund with what its order says."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT r.*, o.transaction_id, o.total_fen, o.payer_total_fen, o.openid"
        " FROM wp_refunds r JOIN wp_orders o USING (out_trade_no) WHERE r.out_refund_no = ?",
        (out_refund_no,),
    ).fetchone()
    return row


def finish(
    connection: sqlite3.Connection, out_refund_no: str, outcome: str, now: datetime
) -> sqlite3.Row | None:
    """PROCESSING → SUCCESS, ABNORMAL or CLOSED; None when it is not processing any more."""
    changed = connection.execute(
        "UPDATE wp_refunds SET status = ?, finished_at = ?, due = NULL"
        " WHERE out_refund_no = ? AND status = 'PROCESSING'",
        (outcome, now.isoformat(), out_refund_no),
    ).rowcount
    return find_refund(connection, out_refund_no) if changed else None


def resolve(connection: sqlite3.Connection, out_refund_no: str, due: float) -> bool:
    """ABNORMAL → PROCESSING: the merchant's staff sends the money another way."""
    changed = connection.execute(
        "UPDATE wp_refunds SET status = 'PROCESSING', finished_at = NULL, due = ?"
        " WHERE out_refund_no = ? AND status = 'ABNORMAL'",
        (due, out_refund_no),
    ).rowcount
    return bool(changed)


def shown(refund: sqlite3.Row) -> dict[str, Any]:
    """The answer of request and query."""
    answer: dict[str, Any] = {
        "refund_id": refund["refund_id"],
        "out_refund_no": refund["out_refund_no"],
        "transaction_id": refund["transaction_id"],
        "out_trade_no": refund["out_trade_no"],
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": beijing_text(datetime.fromisoformat(refund["accepted_at"])),
        "status": refund["status"],
        "funds_account": "AVAILABLE",
        "amount": _amount(refund),
    }
    if refund["status"] == "SUCCESS":
        answer["success_time"] = beijing_text(datetime.fromisoformat(refund["finished_at"]))
    return answer


def told(refund: sqlite3.Row, mch_id: str) -> dict[str, Any]:
    """The plaintext of the refund notice."""
    amount = _amount(refund)
    plain: dict[str, Any] = {
        "mchid": mch_id,
        "out_trade_no": refund["out_trade_no"],
        "transaction_id": refund["transaction_id"],
        "out_refund_no": refund["out_refund_no"],
        "refund_id": refund["refund_id"],
        "refund_status": refund["status"],
        "user_received_account": "支付用户零钱",
        "amount": {
            name: amount[name] for name in ("total", "refund", "payer_total", "payer_refund")
        },
    }
    if refund["status"] == "SUCCESS":
        plain["success_time"] = beijing_text(datetime.fromisoformat(refund["finished_at"]))
    return plain


def taken_fen(connection: sqlite3.Connection, out_trade_no: str) -> tuple[int, int, str | None]:
    """Of one order: fen refunded or being refunded, number of refunds, time of the latest."""
    row = connection.execute(
        "SELECT COALESCE(SUM(CASE WHEN status != 'CLOSED' THEN amount_fen END), 0) AS fen,"
        " COUNT(*) AS parts, MAX(accepted_at) AS latest FROM wp_refunds WHERE out_trade_no = ?",
        (out_trade_no,),
    ).fetchone()
    return row["fen"], row["parts"], row["latest"]


def _amount(refund: sqlite3.Row) -> dict[str, Any]:
    payer_fen = refund["amount_fen"] * refund["payer_total_fen"] // refund["total_fen"]
    return {
        "total": refund["total_fen"],
        "refund": refund["amount_fen"],
        "payer_total": refund["payer_total_fen"],
        "payer_refund": payer_fen,
        "settlement_total": refund["total_fen"],
        "settlement_refund": refund["amount_fen"],
        "discount_refund": refund["amount_fen"] - payer_fen,
        "currency": "CNY",
    }


def _order(connection: sqlite3.Connection, body: Mapping[str, Any]) -> sqlite3.Row:
    """The order that the body names; both numbers must mean the same one."""
    by_number = find(connection, body["out_trade_no"]) if "out_trade_no" in body else None
    by_transaction = (
        find_transaction(connection, body["transaction_id"]) if "transaction_id" in body else None
    )
    order = by_transaction or by_number
    if order is None:
        raise PayError("RESOURCE_NOT_EXISTS", "订单不存在")
    if by_number and by_transaction and by_number["out_trade_no"] != order["out_trade_no"]:
        raise PayError("INVALID_REQUEST", "transaction_id和out_trade_no不一致")
    return order


def _check_same(known: sqlite3.Row, order: sqlite3.Row, body: Mapping[str, Any]) -> None:
    same = (
        known["out_trade_no"] == order["out_trade_no"]
        and known["amount_fen"] == body["amount"]["refund"]
        and known["total_fen"] == body["amount"]["total"]
    )
    if not same:
        raise PayError("INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试")


def _check_order(order: sqlite3.Row, body: Mapping[str, Any], now: datetime) -> None:
    if order["transaction_id"] is None:
        raise PayError("INVALID_REQUEST", "订单未支付，不能退款")
    if body["amount"]["total"] != order["total_fen"]:
        raise PayError("INVALID_REQUEST", "原订单金额不正确")
    if now > datetime.fromisoformat(order["success_at"]) + timedelta(days=REFUND_DAYS):
        raise PayError("INVALID_REQUEST", "订单已经超过可退款的最大期限")


def _check_room(
    connection: sqlite3.Connection,
    order: sqlite3.Row,
    body: Mapping[str, Any],
    now: datetime,
    least_interval_seconds: float,
) -> None:
    """What is left to refund, how many parts, how soon after the last."""
    fen, parts, latest = taken_fen(connection, order["out_trade_no"])
    if fen + body["amount"]["refund"] > order["total_fen"]:
        raise PayError("INVALID_REQUEST", "退款总金额超过订单可退金额")
    if parts >= MOST_PARTS:
        raise PayError("INVALID_REQUEST", "部分退款次数超过50次")
    if latest is not None:
        since = (now - datetime.fromisoformat(latest)).total_seconds()
        if since < least_interval_seconds:
            raise PayError("FREQUENCY_LIMITED", "同一订单的退款间隔过短，请稍后重试")
