"""Paths of bills: apply for a day's bill, then fetch the file by its short-lived token."""

import gzip
import hashlib
import secrets
from datetime import date, datetime, time, timedelta
from typing import Any

from flask import Blueprint, Response, request

from sandbox.calls import note, serve_call
from sandbox.clock import BEIJING
from sandbox.faults import Fault
from sandbox.wechat_pay import fields, rules
from sandbox.wechat_pay.answers import PayError, refused, refused_by
from sandbox.wechat_pay.bills import trade_bill
from sandbox.wechat_pay.desk import Desk

TOKEN_MINUTES = 5
READY_AT = time(10, 0)
OLDEST_DAYS = 92


def add(blueprint: Blueprint, desk: Desk) -> None:
    """Register the two paths."""

    @blueprint.get("/wechat-pay/v3/bill/tradebill")
    def apply_for_bill() -> Response:
        return desk.serve("wechat_pay.bill", lambda fault: _apply(desk, fault))

    @blueprint.get("/wechat-pay/v3/billdownload/file")
    def download() -> Response:
        def act(fault: Fault | None) -> Response:
            try:
                desk.check(any_answer=True)
                return _file(desk, fault)
            except PayError as problem:
                note(str(problem))
                return refused(problem)

        return serve_call(
            desk.peer, "wechat_pay.bill_file", desk.subject({}), act=act, refuse=refused_by
        )


def _apply(desk: Desk, fault: Fault | None) -> dict[str, Any]:
    rules.check_query(request.args, rules.BILL, {"bill_date"})
    day = _day(request.args["bill_date"])
    _check_ready(desk, day)
    bill_type = request.args.get("bill_type", "ALL")
    delta_fen = fault.delta_fen if fault and fault.kind == "wrong_amount" else 0
    with desk.peer.store.read() as connection:
        text = trade_bill(connection, desk.platform, day, bill_type, delta_fen=delta_fen)
    if text is None:
        raise PayError("NO_STATEMENT_EXIST", "账单文件不存在")
    content = text.encode()
    token = secrets.token_urlsafe(48)
    expires_at = desk.peer.clock.now() + timedelta(minutes=TOKEN_MINUTES)
    with desk.peer.store.write() as connection:
        connection.execute(
            "INSERT INTO wp_bills VALUES (?, ?, ?, ?, ?, ?)",
            (
                token,
                day.isoformat(),
                bill_type,
                "tar_type" in request.args,
                content,
                expires_at.isoformat(),
            ),
        )
    return {
        "hash_type": "SHA1",
        "hash_value": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
        "download_url": f"{desk.peer.base_url('wechat_pay')}/v3/billdownload/file?token={token}",
    }


def _file(desk: Desk, fault: Fault | None) -> Response:
    """The bytes, unsigned; a fault tampers with them so that the SHA-1 no longer fits."""
    rules.check_query(request.args, rules.BILL_FILE, {"token"})
    with desk.peer.store.read() as connection:
        row = connection.execute(
            "SELECT * FROM wp_bills WHERE token = ?", (request.args["token"],)
        ).fetchone()
        if row is None or datetime.fromisoformat(row["expires_at"]) <= desk.peer.clock.now():
            raise PayError("INVALID_REQUEST", "请按第一步申请账单的API指引，重新获取账单地址")
        content: bytes = row["content"]
        if fault and fault.kind == "wrong_amount":
            day = date.fromisoformat(row["day"])
            false = trade_bill(
                connection, desk.platform, day, row["bill_type"], delta_fen=fault.delta_fen
            )
            content = (false or "").encode()
    if fault and fault.kind == "bad_signature":
        content = content[:-1] + b"?"
    if row["is_gzip"]:
        return Response(gzip.compress(content), content_type="application/x-gzip")
    return Response(content, content_type="text/plain; charset=utf-8")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as problem:
        raise fields.parameter_error("bill_date", "日期不正确") from problem


def _check_ready(desk: Desk, day: date) -> None:
    """Bills come at 10:00 of the next day, unless the sandbox is told to have them at once."""
    now = desk.peer.clock.now().astimezone(BEIJING)
    if now.date() - day > timedelta(days=OLDEST_DAYS):
        raise PayError("INVALID_REQUEST", "bill_date仅支持近三个月")
    if desk.peer.settings.get("bills_available") == "now" and day <= now.date():
        return
    if day >= now.date():
        raise PayError("INVALID_REQUEST", "bill_date不能为当天或未来日期")
    if now < datetime.combine(day + timedelta(days=1), READY_AT, BEIJING):
        raise PayError("STATEMENT_CREATING", "账单生成中")
