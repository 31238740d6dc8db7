"""Merchant transfers of WeChat Pay: one bill for one number, which the user must confirm."""

import json
import secrets
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sandbox.clock import BEIJING, beijing_text
from sandbox.wechat_pay.answers import PayError

ACCEPTED = "ACCEPTED"
WAITING = "WAIT_USER_CONFIRM"
TRANSFERING = "TRANSFERING"
CANCELING = "CANCELING"
SUCCESS = "SUCCESS"
FAIL = "FAIL"
CANCELLED = "CANCELLED"
ENDED = (SUCCESS, FAIL, CANCELLED)
CONFIRM_WITHIN = timedelta(hours=24)
OVERDUE = "OVERDUE_CLOSE"
# What becomes of a bill that is being worked at, when the platform has done its part.
NEXT = {ACCEPTED: WAITING, CANCELING: CANCELLED}


class CannotConfirm(Exception):
    """The user has nothing to confirm under this number."""


def request(
    connection: sqlite3.Connection,
    body: Mapping[str, Any],
    *,
    user_name: str | None,
    state: str,
    now: datetime,
    due: float,
    afford: Callable[[int], None],
) -> tuple[sqlite3.Row, bool]:
    """Accept a transfer; the same number with the same content is the same transfer.

    Returns the row and whether it is new. A name is compared in clear, since each encryption of it
    differs; `afford` raises when the merchant's balance does not cover the amount.
    """
    content = json.dumps(dict(body) | {"user_name": user_name}, sort_keys=True)
    known = find(connection, body["out_bill_no"])
    if known is not None:
        if known["content"] != content:
            raise PayError("INVALID_REQUEST", "商户单号已存在，但参数与原请求不一致")
        return known, False
    afford(body["transfer_amount"])
    connection.execute(
        "INSERT INTO wp_transfers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?)",
        (
            body["out_bill_no"],
            f"1330{now.astimezone(BEIJING):%Y%m%d}{secrets.randbelow(10**20):020d}",
            body["openid"],
            body["transfer_amount"],
            body["transfer_remark"],
            content,
            body.get("notify_url"),
            state,
            secrets.token_urlsafe(48),
            now.isoformat(),
            now.isoformat(),
            (now + CONFIRM_WITHIN).isoformat(),
            due if state == ACCEPTED else None,
        ),
    )
    return named(connection, body["out_bill_no"]), True


def find(connection: sqlite3.Connection, out_bill_no: str) -> sqlite3.Row | None:
    """The transfer, or None."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM wp_transfers WHERE out_bill_no = ?", (out_bill_no,)
    ).fetchone()
    return row


def named(connection: sqlite3.Connection, out_bill_no: str) -> sqlite3.Row:
    """The transfer; NOT_FOUND without one."""
    row = find(connection, out_bill_no)
    if row is None:
        raise PayError("NOT_FOUND", "记录不存在")
    return row


def is_overdue(row: sqlite3.Row, now: datetime) -> bool:
    """Has the user had their day?"""
    return row["state"] in {ACCEPTED, WAITING} and datetime.fromisoformat(row["expires_at"]) <= now


def confirm(
    connection: sqlite3.Connection,
    out_bill_no: str,
    *,
    fail_reason: str | None,
    due: float,
    now: datetime,
) -> sqlite3.Row:
    """The user takes the money: WAIT_USER_CONFIRM → TRANSFERING; how it ends is settled already."""
    row = find(connection, out_bill_no)
    if row is None or row["state"] != WAITING or is_overdue(row, now):
        raise CannotConfirm(f"nothing to confirm: {row['state'] if row else 'unknown'}")
    return change(connection, out_bill_no, TRANSFERING, now=now, due=due, fail_reason=fail_reason)


def cancel(
    connection: sqlite3.Connection, out_bill_no: str, *, due: float, now: datetime
) -> tuple[sqlite3.Row, bool]:
    """The merchant takes it back, which it may until the user has confirmed."""
    row = named(connection, out_bill_no)
    if row["state"] in {CANCELING, CANCELLED}:
        return row, False
    if row["state"] not in {ACCEPTED, WAITING} or is_overdue(row, now):
        raise PayError("INVALID_REQUEST", "当前单据状态不支持撤销")
    return change(connection, out_bill_no, CANCELING, now=now, due=due), True


def go_on(connection: sqlite3.Connection, out_bill_no: str, now: datetime) -> sqlite3.Row | None:
    """The platform has done its part; None when there was nothing to be done."""
    row = find(connection, out_bill_no)
    if row is None or row["due"] is None:
        return None
    if row["state"] == TRANSFERING:
        state = FAIL if row["fail_reason"] else SUCCESS
        return change(connection, out_bill_no, state, now=now, fail_reason=row["fail_reason"])
    return change(connection, out_bill_no, NEXT[row["state"]], now=now)


def expire(connection: sqlite3.Connection, out_bill_no: str, now: datetime) -> sqlite3.Row | None:
    """Nobody confirmed in time: the bill fails; None when it is past that."""
    row = find(connection, out_bill_no)
    if row is None or row["state"] not in {ACCEPTED, WAITING}:
        return None
    return change(connection, out_bill_no, FAIL, now=now, fail_reason=OVERDUE)


def change(
    connection: sqlite3.Connection,
    out_bill_no: str,
    state: str,
    *,
    now: datetime,
    due: float | None = None,
    fail_reason: str | None = None,
) -> sqlite3.Row:
    """Write a state down."""
    connection.execute(
        "UPDATE wp_transfers SET state = ?, fail_reason = ?, updated_at = ?, due = ?"
        " WHERE out_bill_no = ?",
        (state, fail_reason, now.isoformat(), due, out_bill_no),
    )
    return named(connection, out_bill_no)


def spent_fen(connection: sqlite3.Connection) -> int:
    """What all transfers that did not come to nothing take of the merchant's balance."""
    row = connection.execute(
        "SELECT COALESCE(SUM(amount_fen), 0) FROM wp_transfers"
        " WHERE state NOT IN ('FAIL', 'CANCELLED')"
    ).fetchone()
    return int(row[0])


def accepted(row: sqlite3.Row) -> dict[str, Any]:
    """The answer of a request; what the client needs is there while the user may confirm."""
    answer: dict[str, Any] = {
        "out_bill_no": row["out_bill_no"],
        "transfer_bill_no": row["transfer_bill_no"],
        "create_time": _text(row["created_at"]),
        "state": row["state"],
    }
    if row["state"] == WAITING:
        answer["package_info"] = row["package_info"]
    if row["state"] == FAIL:
        answer["fail_reason"] = row["fail_reason"]
    return answer


def shown(row: sqlite3.Row, *, mch_id: str, app_id: str) -> dict[str, Any]:
    """The answer of a query; it never tells what the client needs."""
    return told(row, mch_id) | {"appid": app_id, "transfer_remark": row["remark"]}


def cancelled(row: sqlite3.Row) -> dict[str, Any]:
    """The answer of a cancel."""
    return {
        "out_bill_no": row["out_bill_no"],
        "transfer_bill_no": row["transfer_bill_no"],
        "state": row["state"],
        "update_time": _text(row["updated_at"]),
    }


def told(row: sqlite3.Row, mch_id: str) -> dict[str, Any]:
    """The plaintext of the notice."""
    plain: dict[str, Any] = {
        "mch_id": mch_id,
        "out_bill_no": row["out_bill_no"],
        "transfer_bill_no": row["transfer_bill_no"],
        "state": row["state"],
        "transfer_amount": row["amount_fen"],
        "openid": row["openid"],
        "create_time": _text(row["created_at"]),
        "update_time": _text(row["updated_at"]),
    }
    if row["state"] == FAIL:
        plain["fail_reason"] = row["fail_reason"]
    return plain


def _text(moment: str) -> str:
    return beijing_text(datetime.fromisoformat(moment))
