"""Refunds of Alipay: at once or later, in parts, never more than was paid."""

import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sandbox.alipay import trades, users
from sandbox.alipay.answers import AlipayError
from sandbox.alipay.money import fen, yuan

DONE = "SUCCESS"
PROCESSING = "PROCESSING"


def request(
    connection: sqlite3.Connection,
    content: Mapping[str, Any],
    *,
    notify_url: str | None,
    due: float,
    now: datetime,
    afford: Callable[[int], None],
) -> tuple[sqlite3.Row, bool]:
    """Accept a refund; the same number with the same amount is the same refund.

    Returns the row and whether it is new. `due` is the wall-clock second at which it is to be
    finished; `afford` raises when the merchant's balance does not cover the amount.
    """
    trade = trades.named(connection, content)
    amount_fen = fen(content["refund_amount"]) or 0
    number = _number(trade, content, amount_fen)
    known = find(connection, trade["trade_no"], number)
    if known is not None:
        if known["amount_fen"] != amount_fen:
            raise AlipayError("ACQ.DISCORDANT_REPEAT_REQUEST", "不一致的请求")
        return known, False
    _check_state(trade, now)
    if taken_fen(connection, trade["trade_no"]) + amount_fen > trade["total_fen"]:
        raise AlipayError("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限")
    afford(amount_fen)
    connection.execute(
        "INSERT INTO ap_refunds VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?)",
        (
            trade["trade_no"],
            number,
            amount_fen,
            content.get("refund_reason"),
            notify_url or trade["notify_url"],
            PROCESSING,
            now.isoformat(),
            due,
        ),
    )
    return _found(connection, trade["trade_no"], number), True


def find(connection: sqlite3.Connection, trade_no: str, out_request_no: str) -> sqlite3.Row | None:
    """The refund; its number counts within its trade."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM ap_refunds WHERE trade_no = ? AND out_request_no = ?",
        (trade_no, out_request_no),
    ).fetchone()
    return row


def finish(
    connection: sqlite3.Connection, trade_no: str, out_request_no: str, now: datetime
) -> sqlite3.Row | None:
    """The money has moved; a trade that is refunded whole closes. None when it had moved before."""
    changed = connection.execute(
        "UPDATE ap_refunds SET status = ?, finished_at = ?, due = NULL"
        " WHERE trade_no = ? AND out_request_no = ? AND status = ?",
        (DONE, now.isoformat(), trade_no, out_request_no, PROCESSING),
    ).rowcount
    if not changed:
        return None
    trade = trades.named(connection, {"trade_no": trade_no})
    if returned_fen(connection, trade_no) == trade["total_fen"]:
        trades.end(connection, trade_no, now)
    return _found(connection, trade_no, out_request_no)


def forget(connection: sqlite3.Connection, trade_no: str, out_request_no: str) -> None:
    """Nothing comes of a refund that was taken in: as if it had never been asked for."""
    connection.execute(
        "DELETE FROM ap_refunds WHERE trade_no = ? AND out_request_no = ?",
        (trade_no, out_request_no),
    )


def taken_fen(connection: sqlite3.Connection, trade_no: str) -> int:
    """Fen refunded or being refunded."""
    return _sum(connection, trade_no, "status IS NOT NULL")


def returned_fen(connection: sqlite3.Connection, trade_no: str) -> int:
    """Fen that have moved, the `refund_fee` of answers and notices."""
    return _sum(connection, trade_no, "status = 'SUCCESS'")


def shown(
    connection: sqlite3.Connection,
    refund: sqlite3.Row,
    content: Mapping[str, Any],
    *,
    fund_change: bool,
) -> dict[str, Any]:
    """The fields of `alipay.trade.refund`; `refund_fee` is the sum of all refunds."""
    trade = trades.named(connection, {"trade_no": refund["trade_no"]})
    answer: dict[str, Any] = {
        "trade_no": trade["trade_no"],
        "out_trade_no": trade["out_trade_no"],
        "buyer_logon_id": users.masked_logon(trade["buyer_open_id"]),
        "buyer_open_id": trade["buyer_open_id"],
        "fund_change": "Y" if fund_change else "N",
        "refund_fee": yuan(returned_fen(connection, trade["trade_no"])),
    }
    if fund_change:
        answer["gmt_refund_pay"] = trades.local(refund["finished_at"])
        answer["send_back_fee"] = yuan(refund["amount_fen"])
    if fund_change and "refund_detail_item_list" in content.get("query_options", ()):
        answer["refund_detail_item_list"] = _detail(refund)
    return answer


def told(connection: sqlite3.Connection, content: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the refund query: none at all for a refund that has not happened."""
    trade = trades.named(connection, content)
    refund = find(connection, trade["trade_no"], content["out_request_no"])
    if refund is None or refund["status"] != DONE:
        return {}
    answer: dict[str, Any] = {
        "trade_no": trade["trade_no"],
        "out_trade_no": trade["out_trade_no"],
        "out_request_no": refund["out_request_no"],
        "total_amount": yuan(trade["total_fen"]),
        "refund_amount": yuan(refund["amount_fen"]),
        "refund_status": "REFUND_SUCCESS",
        "send_back_fee": yuan(refund["amount_fen"]),
    }
    options = content.get("query_options", ())
    if "gmt_refund_pay" in options:
        answer["gmt_refund_pay"] = trades.local(refund["finished_at"])
    if "refund_detail_item_list" in options:
        answer["refund_detail_item_list"] = _detail(refund)
    return answer


def _number(trade: sqlite3.Row, content: Mapping[str, Any], amount_fen: int) -> str:
    """`out_request_no`, which only a refund of the whole can do without."""
    number: str = content.get("out_request_no", "")
    if number:
        return number
    if amount_fen != trade["total_fen"]:
        raise AlipayError("ACQ.INVALID_PARAMETER", "部分退款时out_request_no不能为空")
    out_trade_no: str = trade["out_trade_no"]
    return out_trade_no


def _check_state(trade: sqlite3.Row, now: datetime) -> None:
    state = trades.state_at(trade, now)
    if state == trades.FINISHED:
        raise AlipayError("ACQ.TRADE_HAS_FINISHED", "交易已完结")
    if state == trades.CLOSED:
        raise AlipayError("ACQ.TRADE_HAS_CLOSE", "交易已经关闭")
    if state != trades.PAID:
        raise AlipayError("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")


def _found(connection: sqlite3.Connection, trade_no: str, out_request_no: str) -> sqlite3.Row:
    row = find(connection, trade_no, out_request_no)
    if row is None:
        raise AlipayError("ACQ.SYSTEM_ERROR", "系统错误")
    return row


def _sum(connection: sqlite3.Connection, trade_no: str, condition: str) -> int:
    row = connection.execute(
        "SELECT COALESCE(SUM(amount_fen), 0) FROM ap_refunds"  # noqa: S608 - our own conditions
        f" WHERE trade_no = ? AND {condition}",
        (trade_no,),
    ).fetchone()
    return int(row[0])


def _detail(refund: sqlite3.Row) -> list[dict[str, str]]:
    return [{"fund_channel": "ALIPAYACCOUNT", "amount": yuan(refund["amount_fen"])}]
