"""Bills: ask where a period's bill lies, then fetch the file within thirty seconds."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, request

from sandbox.alipay import rules
from sandbox.alipay.answers import AlipayError, page, success
from sandbox.alipay.bills import Period, period_of, trade_bill
from sandbox.alipay.desk import Desk
from sandbox.calls import note, serve_call
from sandbox.clock import BEIJING
from sandbox.faults import Fault

FILE_PATH = "/alipay/downloadBillFile.resource"
TOKEN_LIFE = timedelta(seconds=30)
DAY_READY_AFTER = timedelta(hours=9)
MONTH_READY_AFTER = timedelta(days=2, hours=9)


def add(blueprint: Blueprint, desk: Desk) -> None:
    """Register the path of files."""

    @blueprint.get(FILE_PATH)
    def bill_file() -> Response:
        return serve_call(
            desk.peer,
            "alipay.bill_file",
            request.args.to_dict(),
            act=lambda fault: _file(desk, fault),
            refuse=lambda fault: page(fault.status or 502),
        )


def apply(desk: Desk, parameters: dict[str, str], fault: Fault | None) -> dict[str, Any]:
    """The work of `alipay.data.dataservice.bill.downloadurl.query`."""
    content = rules.bill(parameters)
    period = _period(content["bill_date"])
    _check_ready(desk, period)
    delta_fen = fault.delta_fen if fault and fault.kind == "wrong_amount" else 0
    archive = _archive(desk, period, delta_fen) if content["bill_type"] == "trade" else None
    if archive is None:
        raise _no_bill()
    token = secrets.token_hex(16)
    with desk.turn() as turn:
        turn.connection.execute(
            "INSERT INTO ap_bills VALUES (?, ?, ?, ?)",
            (token, content["bill_date"], archive, (turn.now + TOKEN_LIFE).isoformat()),
        )
    base = desk.peer.base_url("alipay").removesuffix("/alipay")
    name = f"{desk.platform.seller_id}_{period.label}.csv.zip"
    query = f"bizType=trade&fileType=csv.zip&downloadFileName={name}&token={token}"
    return success(bill_download_url=f"{base}{FILE_PATH}?{query}")


def _file(desk: Desk, fault: Fault | None) -> Response:
    """The bytes, neither signed nor hashed; a fault tampers with them or cuts them off."""
    with desk.peer.store.read() as connection:
        row = connection.execute(
            "SELECT * FROM ap_bills WHERE token = ?", (request.args.get("token", ""),)
        ).fetchone()
    if row is None or datetime.fromisoformat(row["expires_at"]) <= desk.peer.clock.now():
        note("the address of the bill is not valid (any more)")
        return page(403)
    content: bytes = row["content"]
    if fault and fault.kind == "wrong_amount":
        content = _archive(desk, _period(row["bill_date"]), fault.delta_fen) or b""
    if fault and fault.kind == "bad_signature":
        content = content[: len(content) // 2]
    return Response(content, content_type="application/octet-stream")


def _archive(desk: Desk, period: Period, delta_fen: int) -> bytes | None:
    with desk.peer.store.read() as connection:
        return trade_bill(
            connection,
            desk.platform,
            period,
            exported_at=desk.peer.clock.now(),
            delta_fen=delta_fen,
        )


def _period(text: str) -> Period:
    try:
        return period_of(text)
    except ValueError:
        raise AlipayError(rules.BILL_INVALID, "账单日期不正确") from None


def _check_ready(desk: Desk, period: Period) -> None:
    """A day's bill comes at 9:00 of the next, a month's on the third, unless told to be at once."""
    now = desk.peer.clock.now().astimezone(BEIJING)
    at_once = desk.peer.settings.get("bills_available") == "now"
    if period.start > now or (period.end > now and not at_once):
        raise AlipayError(rules.BILL_INVALID, "账单日期不能为当天或未来")
    is_month = period.end - period.start > timedelta(days=1)
    if not at_once and now < period.end + (MONTH_READY_AFTER if is_month else DAY_READY_AFTER):
        raise _no_bill()


def _no_bill() -> AlipayError:
    return AlipayError("isp.bill_not_exist", "账单不存在")
