"""Transfers of Alipay to one person's account: at once or later, once for each number."""

import json
import secrets
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sandbox.alipay import fields, trades, transfer_messages, users
from sandbox.alipay.answers import AlipayError, success
from sandbox.alipay.desk import Desk, Method, Node, Turn
from sandbox.alipay.fields import Content
from sandbox.alipay.gate import Parameters
from sandbox.alipay.money import fen, yuan
from sandbox.clock import BEIJING
from sandbox.faults import Fault

INVALID = "INVALID_PARAMETER"
DEALING, SUCCESS, FAIL = "DEALING", "SUCCESS", "FAIL"
FAILS = "PAYEE_ACC_OCUPIED"
LEAST_FEN = 10
REMARK_FROM_FEN = 50_000_00
# What must be reported for a scene; a scene is granted for one real use.
SCENES = {"佣金报酬": {"岗位类型", "报酬说明"}, "现金营销": {"活动名称", "奖励说明"}}
PRODUCT: dict[str, fields.Rule] = {
    "product_code": fields.one_of("TRANS_ACCOUNT_NO_PWD"),
    "biz_scene": fields.one_of("DIRECT_TRANSFER"),
}
NUMBER = fields.text(64, r"[0-9A-Za-z_]*")
TRANSFER: dict[str, fields.Rule] = PRODUCT | {
    "out_biz_no": NUMBER,
    "trans_amount": fields.money,
    "order_title": fields.text(128),
    "payee_info": fields.record,
    "remark": fields.text(200),
    "business_params": fields.text(2048),
    "transfer_scene_name": fields.text(32),
    "transfer_scene_report_infos": fields.records,
}
REQUIRED = {*PRODUCT, "out_biz_no", "trans_amount", "order_title", "payee_info"}
PAYEE: dict[str, fields.Rule] = {
    "identity": fields.text(128),
    "identity_type": fields.one_of("ALIPAY_OPEN_ID"),
    "name": fields.text(64),
}
QUERY: dict[str, fields.Rule] = PRODUCT | {
    "out_biz_no": NUMBER,
    "order_id": fields.text(32),
    "pay_fund_order_id": fields.text(32),
}


def transfer(desk: Desk, parameters: Parameters, _: Fault | None) -> Node:
    """Send money to an account: now, later, or in vain, as `alipay_transfer_outcome` says."""
    content = _transfer_content(parameters)
    outcome = desk.peer.settings.get("alipay_transfer_outcome")
    due = desk.refund_due()
    with desk.turn() as turn:
        row, is_new = _request(
            turn.connection,
            content,
            due=None if outcome == "now" else due,
            will_fail=outcome == "fail",
            now=turn.now,
            afford=lambda amount_fen: _use_balance(desk, turn.connection, amount_fen),
        )
        if is_new and row["due"] is None:
            _tell(desk, turn, row)
    if is_new and row["due"] is not None:
        finish_at(desk, row["out_biz_no"], due)
    answer = {name: row[name] for name in ("out_biz_no", "order_id", "pay_fund_order_id")}
    answer["status"] = row["status"]
    if row["paid_at"]:
        answer["trans_date"] = trades.local(row["paid_at"])
    return success(**answer)


def query(desk: Desk, parameters: Parameters, _: Fault | None) -> Node:
    """How a transfer stands."""
    content = fields.content_of(parameters, QUERY, set(), INVALID)
    names = [name for name in ("order_id", "pay_fund_order_id", "out_biz_no") if content.get(name)]
    if not names or ("out_biz_no" in names and not set(PRODUCT) <= set(content)):
        raise AlipayError(INVALID, "单号不能为空，按商户单号查询时产品码与场景必填")
    with desk.peer.store.read() as connection:
        row = connection.execute(
            f"SELECT * FROM ap_transfers WHERE {names[0]} = ?",  # noqa: S608 - one of three names
            (content[names[0]],),
        ).fetchone()
    if row is None:
        raise AlipayError("ORDER_NOT_EXIST", "转账订单不存在")
    answer = {name: row[name] for name in ("out_biz_no", "order_id", "pay_fund_order_id")}
    answer |= {"trans_amount": yuan(row["amount_fen"]), "status": row["status"]}
    if row["paid_at"]:
        answer["pay_date"] = trades.local(row["paid_at"])
    if row["status"] == FAIL:
        answer |= {"error_code": row["error_code"], "fail_reason": "收款账户异常"}
    return success(**answer)


METHODS = {
    "alipay.fund.trans.uni.transfer": Method("alipay.transfer", transfer),
    "alipay.fund.trans.common.query": Method("alipay.transfer_query", query, ("trans_amount",)),
}


def resume(desk: Desk) -> None:
    """After a start: go on with what a former process took in."""
    with desk.peer.store.read() as connection:
        rows = connection.execute(
            "SELECT out_biz_no, due FROM ap_transfers WHERE due IS NOT NULL"
        ).fetchall()
    for row in rows:
        finish_at(desk, row["out_biz_no"], row["due"])


def finish_at(desk: Desk, out_biz_no: str, due: float) -> None:
    """Have the transfer ended at `due`, for good or ill."""
    desk.peer.agenda.at(due, lambda: _finish(desk, out_biz_no))


def _finish(desk: Desk, out_biz_no: str) -> None:
    with desk.turn() as turn:
        now = turn.now.isoformat()
        row = turn.connection.execute(
            "UPDATE ap_transfers SET due = NULL,"
            " status = CASE WHEN error_code IS NULL THEN 'SUCCESS' ELSE 'FAIL' END,"
            " paid_at = CASE WHEN error_code IS NULL THEN ? END"
            " WHERE out_biz_no = ? AND status = 'DEALING' RETURNING *",
            (now, out_biz_no),
        ).fetchone()
        if row is not None:
            _tell(desk, turn, row)


def _tell(desk: Desk, turn: Turn, row: sqlite3.Row) -> None:
    notice_id = transfer_messages.announce(desk.peer, desk.platform, turn.connection, row)
    if notice_id is not None:
        turn.told.append(notice_id)


def _transfer_content(parameters: Mapping[str, str]) -> Content:
    content = fields.content_of(parameters, TRANSFER, REQUIRED, INVALID)
    amount_fen = fen(content["trans_amount"]) or 0
    try:
        fields.check(content["payee_info"], PAYEE, {"identity", "identity_type"})
    except fields.BadField as problem:
        raise AlipayError(INVALID, str(problem)) from None
    if amount_fen < LEAST_FEN:
        raise AlipayError("EXCEED_LIMIT_UNRN_DM_AMOUNT", "转账金额不能低于0.1元")
    if amount_fen >= REMARK_FROM_FEN and not content.get("remark"):
        raise AlipayError("REMARK_IS_NULL", "转账金额大于等于5万元时备注必填")
    scene = content.get("transfer_scene_name")
    if not scene:
        raise AlipayError("TRANSFER_SCENE_NAME_BLANK", "转账场景不能为空")
    infos = content.get("transfer_scene_report_infos") or []
    if {info.get("info_type") for info in infos} != SCENES.get(scene):
        raise AlipayError("TRANSFER_SCENE_REPORT_INFO_INVALID", "转账场景与报备信息不一致")
    if not all(isinstance(info.get("info_content"), str) for info in infos):
        raise AlipayError("TRANSFER_SCENE_REPORT_INFO_INVALID", "报备内容不能为空")
    return content


def _request(
    connection: sqlite3.Connection,
    content: Mapping[str, Any],
    *,
    due: float | None,
    will_fail: bool,
    now: datetime,
    afford: Callable[[int], None],
) -> tuple[sqlite3.Row, bool]:
    """Take a transfer in; the same number with the same content is the same transfer."""
    text = json.dumps(content, sort_keys=True)
    known = _find(connection, content["out_biz_no"])
    if known is not None:
        if known["content"] != text:
            raise AlipayError("PAYMENT_INFO_INCONSISTENCY", "同一商户单号的转账信息不一致")
        return known, False
    payee = content["payee_info"]["identity"]
    if not users.is_known(connection, payee):
        raise AlipayError("PAYEE_NOT_EXIST", "收款账号不存在")
    amount_fen = fen(content["trans_amount"]) or 0
    afford(amount_fen)
    stem = f"{now.astimezone(BEIJING):%Y%m%d}1100700{secrets.randbelow(10**15):015d}"
    connection.execute(
        "INSERT INTO ap_transfers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            content["out_biz_no"],
            stem,
            stem.replace("1100700", "1100701"),
            payee,
            amount_fen,
            text,
            SUCCESS if due is None else DEALING,
            FAILS if will_fail else None,
            now.isoformat(),
            now.isoformat() if due is None else None,
            due,
        ),
    )
    row = _find(connection, content["out_biz_no"])
    if row is None:
        raise AlipayError("SYSTEM_ERROR", "系统繁忙")
    return row, True


def _find(connection: sqlite3.Connection, out_biz_no: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM ap_transfers WHERE out_biz_no = ?", (out_biz_no,)
    ).fetchone()
    return row


def _use_balance(desk: Desk, connection: sqlite3.Connection, amount_fen: int) -> None:
    balance_fen = desk.peer.settings.get("alipay_transfer_balance_fen")
    if balance_fen is None:
        return
    spent = connection.execute(
        "SELECT COALESCE(SUM(amount_fen), 0) FROM ap_transfers WHERE status != 'FAIL'"
    )
    if spent.fetchone()[0] + amount_fen > balance_fen:
        raise AlipayError("PAYER_BALANCE_NOT_ENOUGH", "付款方余额不足")
