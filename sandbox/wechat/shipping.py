"""Order shipping information: the rules by which an upload is taken, corrected or refused."""

import json
import sqlite3
from datetime import datetime
from typing import Any

from sandbox.wechat.answers import WechatError

EXPRESS, VIRTUAL = 1, 3
UNIFIED, SPLIT = 1, 2
MOST_PARCELS = 15
LONGEST_DESCRIPTION = 120


def upload(
    connection: sqlite3.Connection,
    body: dict[str, Any],
    *,
    mch_id: str,
    now: datetime,
    visible_after_seconds: float,
) -> None:
    """Take the goods' way into the order; WechatError with the documented code otherwise."""
    _check_form(body, mch_id)
    order = find_order(connection, body["order_key"], now, visible_after_seconds)
    if body["payer"].get("openid") != order["openid"]:
        raise WechatError(10060031, "该笔支付单不属于 openid 所对应的用户")
    if is_refunded(connection, order):
        raise WechatError(10060004, "支付单处于不可发货的状态")
    content = json.dumps(
        {name: value for name, value in body.items() if name != "upload_time"}, sort_keys=True
    )
    is_finished = body["delivery_mode"] == UNIFIED or bool(body.get("is_all_delivered"))
    row = shipped(connection, order["transaction_id"])
    if row is not None:
        _check_again(row, content)
    connection.execute(
        "INSERT INTO wx_shipping VALUES (?, ?, ?, 1, ?, 0) ON CONFLICT (transaction_id)"
        " DO UPDATE SET content = excluded.content, upload_time = excluded.upload_time,"
        " is_finished = excluded.is_finished, times = times + is_finished",
        (order["transaction_id"], content, body["upload_time"], is_finished),
    )


def find_order(
    connection: sqlite3.Connection,
    key: dict[str, Any],
    now: datetime,
    visible_after_seconds: float,
) -> sqlite3.Row:
    """The paid order; for the first moments after the payment it cannot be seen."""
    column = "transaction_id" if key.get("order_number_type") == 2 else "out_trade_no"
    order: sqlite3.Row | None = connection.execute(
        f"SELECT * FROM wp_orders WHERE {column} = ? AND transaction_id IS NOT NULL",  # noqa: S608 - one of two names
        (key[column],),
    ).fetchone()
    if order is not None:
        age = (now - datetime.fromisoformat(order["success_at"])).total_seconds()
        if age >= visible_after_seconds:
            return order
    raise WechatError(10060001, "支付单不存在")


def shipped(connection: sqlite3.Connection, transaction_id: str) -> sqlite3.Row | None:
    """What was uploaded for the order."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM wx_shipping WHERE transaction_id = ?", (transaction_id,)
    ).fetchone()
    return row


def is_refunded(connection: sqlite3.Connection, order: sqlite3.Row) -> bool:
    """Is all of the payment refunded or being refunded?"""
    fen = connection.execute(
        "SELECT COALESCE(SUM(amount_fen), 0) FROM wp_refunds"
        " WHERE out_trade_no = ? AND status != 'CLOSED'",
        (order["out_trade_no"],),
    ).fetchone()[0]
    return bool(fen >= order["total_fen"])


def shown(connection: sqlite3.Connection, order: sqlite3.Row, mch_id: str) -> dict[str, Any]:
    """The `order` of `get_order`."""
    row = shipped(connection, order["transaction_id"])
    state = 1
    if is_refunded(connection, order):
        state = 5
    elif row is not None and row["is_finished"]:
        state = 3 if row["is_confirmed"] else 2
    paid_at = int(datetime.fromisoformat(order["success_at"]).timestamp())
    answer: dict[str, Any] = {
        "transaction_id": order["transaction_id"],
        "merchant_trade_no": order["out_trade_no"],
        "merchant_id": mch_id,
        "sub_merchant_id": "",
        "description": order["description"],
        "paid_amount": order["payer_total_fen"],
        "openid": order["openid"],
        "trade_create_time": int(datetime.fromisoformat(order["created_at"]).timestamp()),
        "pay_time": paid_at,
        "order_state": state,
        "in_complaint": False,
    }
    if row is not None:
        answer["shipping"] = _shipping(row)
    return answer


def _shipping(row: sqlite3.Row) -> dict[str, Any]:
    content = json.loads(row["content"])
    uploaded_at = int(datetime.fromisoformat(row["upload_time"]).timestamp())
    return {
        "delivery_mode": content["delivery_mode"],
        "logistics_type": content["logistics_type"],
        "finish_shipping": bool(row["is_finished"]),
        "finish_shipping_count": row["times"],
        "shipping_list": [
            {
                "tracking_no": parcel.get("tracking_no", ""),
                "express_company": parcel.get("express_company", ""),
                "goods_desc": parcel["item_desc"],
                "upload_time": uploaded_at,
            }
            for parcel in content["shipping_list"]
        ],
    }


def _check_again(row: sqlite3.Row, content: str) -> None:
    """A second upload: unchanged is 23, confirmed is 2, a correction is granted once."""
    if row["content"] == content:
        raise WechatError(10060023, "发货信息未更新")
    if row["is_confirmed"]:
        raise WechatError(10060002, "支付单已完成发货，无法继续发货")
    if row["times"] >= 2:
        raise WechatError(10060003, "支付单已使用重新发货机会")


def _check_form(body: dict[str, Any], mch_id: str) -> None:
    _check_key(body.get("order_key"), mch_id)
    logistics, mode = body.get("logistics_type"), body.get("delivery_mode")
    if logistics not in {1, 2, 3, 4}:
        raise WechatError(10060005, "物流类型有误")
    if mode not in {UNIFIED, SPLIT}:
        raise WechatError(268485224, "发货模式非法")
    if mode == SPLIT and logistics != EXPRESS:
        raise WechatError(10060006, "非快递发货时不允许分拆发货")
    if mode == SPLIT and not isinstance(body.get("is_all_delivered"), bool):
        raise WechatError(268485226, "分拆发货模式下必须填写 is_all_delivered")
    _check_parcels(body.get("shipping_list"), logistics, mode)
    _check_time(body.get("upload_time"))
    if not isinstance(body.get("payer"), dict):
        raise WechatError(47001, "payer missing")


def _check_key(key: Any, mch_id: str) -> None:
    kind = key.get("order_number_type") if isinstance(key, dict) else None
    if kind == 2:
        if not key.get("transaction_id"):
            raise WechatError(268485195, "微信支付单号形式未填写 transaction_id")
    elif kind == 1:
        if key.get("mchid") != mch_id:
            raise WechatError(268485196, "商户侧单号形式的 mchid 未填写或有误")
        if not key.get("out_trade_no"):
            raise WechatError(268485197, "商户侧单号形式未填写 out_trade_no")
    else:
        raise WechatError(268485194, "订单单号类型非法")


def _check_parcels(parcels: Any, logistics: int, mode: int) -> None:
    if not isinstance(parcels, list) or not 1 <= len(parcels) <= MOST_PARCELS:
        raise WechatError(10060024, "物流信息列表长度有误")
    if mode == UNIFIED and len(parcels) != 1:
        raise WechatError(10060024, "统一发货时物流信息列表只能有一项")
    for parcel in parcels:
        description = parcel.get("item_desc") if isinstance(parcel, dict) else None
        if not isinstance(description, str) or not description:
            raise WechatError(268485227, "商品描述 item_desc 字段不能为空")
        if len(description) > LONGEST_DESCRIPTION:
            raise WechatError(268485228, "商品描述 item_desc 字段太长")
        if logistics == EXPRESS and not (
            parcel.get("tracking_no") and parcel.get("express_company")
        ):
            raise WechatError(10060007, "快递发货必须填写物流单号和物流公司")


def _check_time(text: Any) -> None:
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError) as problem:
        raise WechatError(268485216, "上传时间非法，请严格按照 RFC 3339 格式填写") from problem
    if at.tzinfo is None:
        raise WechatError(268485216, "上传时间非法，请严格按照 RFC 3339 格式填写")
