"""Paths of merchant transfers, and the user's hand that confirms one or lets its time go by."""

import sqlite3
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.control import BadOrder, control_body, text_field
from sandbox.faults import Fault
from sandbox.wechat import users
from sandbox.wechat_pay import rules, transfer_rules, transfers
from sandbox.wechat_pay.answers import PayError
from sandbox.wechat_pay.desk import Desk
from sandbox.wechat_pay.notices import content

BILLS = "/wechat-pay/v3/fund-app/mch-transfer/transfer-bills"
FINISHED = "MCHTRANSFER.BILL.FINISHED"
TRANSFERS_PER_SECOND = 100
FAILS = "PAYEE_ACCOUNT_ABNORMAL"


def add(blueprint: Blueprint, desk: Desk) -> None:
    """Register the paths."""
    desk.peer.settings.declare("wechat_pay_transfer_balance_fen", None)
    desk.peer.settings.declare("wechat_pay_transfer_outcome", "SUCCESS", ("SUCCESS", "FAIL"))
    desk.peer.settings.declare(
        "wechat_pay_transfer_start", transfers.WAITING, (transfers.WAITING, transfers.ACCEPTED)
    )
    desk.peer.starters.append(lambda: _resume(desk))
    _add_platform(blueprint, desk)
    _add_user(blueprint, desk)


def _add_platform(blueprint: Blueprint, desk: Desk) -> None:
    @blueprint.post(BILLS)
    def transfer() -> Response:
        return desk.serve("wechat_pay.transfer", lambda _: _transfer(desk))

    @blueprint.get(f"{BILLS}/out-bill-no/<out_bill_no>")
    def transfer_query(out_bill_no: str) -> Response:
        def work(fault: Fault | None) -> dict[str, Any]:
            rules.check_query(request.args, {}, set())
            _expire_if_overdue(desk, out_bill_no)
            with desk.peer.store.read() as connection:
                row = transfers.named(connection, out_bill_no)
            return transfers.shown(row, mch_id=desk.platform.mch_id, app_id=desk.platform.app_id)

        return desk.serve("wechat_pay.transfer_query", work, out_bill_no=out_bill_no)

    @blueprint.post(f"{BILLS}/out-bill-no/<out_bill_no>/cancel")
    def transfer_cancel(out_bill_no: str) -> Response:
        return desk.serve(
            "wechat_pay.transfer_cancel",
            lambda _: _cancel(desk, out_bill_no),
            out_bill_no=out_bill_no,
        )


def _add_user(blueprint: Blueprint, desk: Desk) -> None:
    @blueprint.post("/sandbox/wechat-pay/confirm-transfer")
    def confirm_transfer() -> Response | tuple[Response, int]:
        body = control_body()
        number, fail_reason = text_field(body, "out_bill_no"), body.get("fail_reason")
        if not isinstance(fail_reason, str | None):
            raise BadOrder("fail_reason must be a text")
        if fail_reason is None and desk.peer.settings.get("wechat_pay_transfer_outcome") == "FAIL":
            fail_reason = FAILS
        due = desk.refund_due()
        try:
            with desk.peer.store.write() as connection:
                row = transfers.confirm(
                    connection,
                    number,
                    fail_reason=fail_reason,
                    due=due,
                    now=desk.peer.clock.now(),
                )
        except transfers.CannotConfirm as reason:
            return jsonify(error=str(reason)), 409
        _go_on_at(desk, number, due)
        return jsonify(state=row["state"], amount_fen=row["amount_fen"])

    @blueprint.post("/sandbox/wechat-pay/expire-transfer")
    def expire_transfer() -> dict[str, bool]:
        return {"expired": _expire(desk, text_field(control_body(), "out_bill_no"))}


def _transfer(desk: Desk) -> dict[str, Any]:
    desk.check_rate("transfer", TRANSFERS_PER_SECOND)
    body = transfer_rules.transfer_body(request.get_data())
    if body["appid"] != desk.platform.app_id:
        raise PayError("APPID_MCHID_NOT_MATCH", "appid和mchid不匹配", number=268445527)
    name = transfer_rules.name_in(body, desk.platform, request.headers.get("Wechatpay-Serial"))
    due = desk.refund_due()
    _expire_if_overdue(desk, body["out_bill_no"])
    with desk.peer.store.write() as connection:
        openid = body["openid"]
        if not (users.REAL_OPENID.fullmatch(openid) or users.is_known(connection, openid)):
            raise PayError("INVALID_REQUEST", "openid和appid不匹配")
        row, is_new = transfers.request(
            connection,
            {key: value for key, value in body.items() if key != "user_name"},
            user_name=name,
            state=desk.peer.settings.get("wechat_pay_transfer_start"),
            now=desk.peer.clock.now(),
            due=due,
            afford=lambda amount_fen: _use_balance(desk, connection, amount_fen),
        )
    if is_new and row["due"] is not None:
        _go_on_at(desk, row["out_bill_no"], due)
    return transfers.accepted(row)


def _cancel(desk: Desk, out_bill_no: str) -> dict[str, Any]:
    if request.get_data() not in (b"", b"{}"):
        raise PayError("PARAM_ERROR", "请求体应为空")
    due = desk.refund_due()
    _expire_if_overdue(desk, out_bill_no)
    with desk.peer.store.write() as connection:
        row, is_new = transfers.cancel(connection, out_bill_no, due=due, now=desk.peer.clock.now())
    if is_new:
        _go_on_at(desk, out_bill_no, due)
    return transfers.cancelled(row)


def _use_balance(desk: Desk, connection: sqlite3.Connection, amount_fen: int) -> None:
    balance_fen = desk.peer.settings.get("wechat_pay_transfer_balance_fen")
    if balance_fen is not None and transfers.spent_fen(connection) + amount_fen > balance_fen:
        raise PayError("NOT_ENOUGH", "商户运营账户资金不足，请充值后重新发起")


def _resume(desk: Desk) -> None:
    """After a start: go on with what a former process accepted."""
    with desk.peer.store.read() as connection:
        rows = connection.execute(
            "SELECT out_bill_no, due FROM wp_transfers WHERE due IS NOT NULL"
        ).fetchall()
    for row in rows:
        _go_on_at(desk, row["out_bill_no"], row["due"])


def _go_on_at(desk: Desk, out_bill_no: str, due: float) -> None:
    desk.peer.agenda.at(due, lambda: _go_on(desk, out_bill_no))


def _go_on(desk: Desk, out_bill_no: str) -> None:
    with desk.peer.store.write() as connection:
        row = transfers.go_on(connection, out_bill_no, desk.peer.clock.now())
        notice_id = _tell(desk, connection, row)
    if notice_id is not None:
        desk.peer.notices.wake(notice_id)


def _expire_if_overdue(desk: Desk, out_bill_no: str) -> None:
    with desk.peer.store.read() as connection:
        row = transfers.find(connection, out_bill_no)
    if row is not None and transfers.is_overdue(row, desk.peer.clock.now()):
        _expire(desk, out_bill_no)


def _expire(desk: Desk, out_bill_no: str) -> bool:
    with desk.peer.store.write() as connection:
        row = transfers.expire(connection, out_bill_no, desk.peer.clock.now())
        notice_id = _tell(desk, connection, row)
    if notice_id is not None:
        desk.peer.notices.wake(notice_id)
    return row is not None


def _tell(desk: Desk, connection: sqlite3.Connection, row: sqlite3.Row | None) -> str | None:
    """Announce an end in the transaction that makes it one."""
    if row is None or row["state"] not in transfers.ENDED or not row["notify_url"]:
        return None
    return desk.peer.notices.announce(
        connection,
        platform="wechat_pay",
        target="wechat_pay.transfer_notice",
        event=FINISHED,
        url=row["notify_url"],
        subject={
            "out_bill_no": row["out_bill_no"],
            "transfer_bill_no": row["transfer_bill_no"],
        },
        content=content(
            desk.peer,
            event_type=FINISHED,
            original_type="mch_payment",
            plain=transfers.told(row, desk.platform.mch_id),
        ),
    )
