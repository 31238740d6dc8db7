"""The bodies and queries that WeChat Pay accepts, field by field."""

from collections.abc import Mapping
from typing import Any

from sandbox.wechat_pay import fields
from sandbox.wechat_pay.answers import PayError

NO_OPENID_NUMBER = 268501013
ORDER_NO = fields.text(6, 32, r"[0-9A-Za-z_\-|*]+")
REFUND_NO = fields.text(1, 64, r"[0-9A-Za-z_\-|*@]+")
RFC3339 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)"
CNY = fields.one_of("CNY")

GOODS = fields.record(
    {
        "merchant_goods_id": fields.text(1, 32),
        "wechatpay_goods_id": fields.text(1, 32),
        "goods_name": fields.text(1, 256),
        "quantity": fields.whole_number(1),
        "unit_price": fields.whole_number(0),
    },
    {"merchant_goods_id", "quantity", "unit_price"},
)
ORDER: dict[str, fields.Rule] = {
    "appid": fields.text(1, 32),
    "mchid": fields.text(1, 32),
    "description": fields.text(1, 127),
    "out_trade_no": ORDER_NO,
    "time_expire": fields.text(1, 64, RFC3339),
    "attach": fields.text(1, 128),
    "notify_url": fields.notify_url,
    "goods_tag": fields.text(1, 32),
    "support_fapiao": fields.truth,
    "amount": fields.record({"total": fields.whole_number(1), "currency": CNY}, {"total"}),
    "payer": fields.record({"openid": fields.text(1, 128)}, set()),
    "detail": fields.record(
        {
            "cost_price": fields.whole_number(0),
            "invoice_id": fields.text(1, 32),
            "goods_detail": fields.list_of(GOODS, 6000),
        },
        set(),
    ),
    "scene_info": fields.record(
        {
            "payer_client_ip": fields.text(1, 45),
            "device_id": fields.text(1, 32),
            "store_info": fields.record(
                {
                    "id": fields.text(1, 32),
                    "name": fields.text(1, 256),
                    "area_code": fields.text(1, 32),
                    "address": fields.text(1, 512),
                },
                {"id"},
            ),
        },
        {"payer_client_ip"},
    ),
    "settle_info": fields.record({"profit_sharing": fields.truth}, set()),
}
ORDER_REQUIRED = {
    "appid",
    "mchid",
    "description",
    "out_trade_no",
    "notify_url",
    "amount",
    "payer",
}
REFUND: dict[str, fields.Rule] = {
    "transaction_id": fields.text(1, 32),
    "out_trade_no": ORDER_NO,
    "out_refund_no": REFUND_NO,
    "reason": fields.text(1, 80),
    "notify_url": fields.notify_url,
    "funds_account": fields.one_of("AVAILABLE", "UNSETTLED"),
    "amount": fields.record(
        {
            "refund": fields.whole_number(1),
            "total": fields.whole_number(1),
            "currency": CNY,
        },
        {"refund", "total", "currency"},
    ),
    "goods_detail": fields.list_of(
        fields.record(
            {
                "merchant_goods_id": fields.text(1, 32),
                "wechatpay_goods_id": fields.text(1, 32),
                "goods_name": fields.text(1, 256),
                "unit_price": fields.whole_number(0),
                "refund_amount": fields.whole_number(1),
                "refund_quantity": fields.whole_number(1),
            },
            {"merchant_goods_id", "unit_price", "refund_amount", "refund_quantity"},
        ),
        3000,
    ),
}
CLOSE: dict[str, fields.Rule] = {"mchid": fields.text(1, 32)}
QUERY: dict[str, fields.Rule] = {"mchid": fields.text(1, 32)}
BILL: dict[str, fields.Rule] = {
    "bill_date": fields.text(10, 10, r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "bill_type": fields.one_of("ALL", "SUCCESS", "REFUND"),
    "tar_type": fields.one_of("GZIP"),
}
BILL_FILE: dict[str, fields.Rule] = {
    "token": fields.text(1, 256),
    "tartype": fields.text(1, 16),
}


def order_body(raw: bytes) -> dict[str, Any]:
    """The body of an order, checked."""
    body = fields.body_object(raw)
    fields.check(body, ORDER, ORDER_REQUIRED)
    if "openid" not in body["payer"]:
        raise fields.parameter_error("payer/openid", "为必填项", NO_OPENID_NUMBER)
    return body


def refund_body(raw: bytes) -> dict[str, Any]:
    """The body of a refund, checked."""
    body = fields.body_object(raw)
    fields.check(body, REFUND, {"out_refund_no", "amount"})
    if "transaction_id" not in body and "out_trade_no" not in body:
        raise fields.parameter_error("transaction_id", "与out_trade_no二选一")
    if body["amount"]["refund"] > body["amount"]["total"]:
        raise fields.parameter_error("amount/refund", "退款金额不能大于原订单金额")
    return body


def close_body(raw: bytes) -> dict[str, Any]:
    """The body of a close, checked."""
    body = fields.body_object(raw)
    fields.check(body, CLOSE, {"mchid"})
    return body


def check_query(
    query: Mapping[str, str], rules: Mapping[str, fields.Rule], required: set[str]
) -> None:
    """The same for a query string."""
    fields.check(query, rules, required)


def check_merchant(mch_id: str, stated: str) -> None:
    """The merchant in the body or query is the one that signed."""
    if stated != mch_id:
        raise PayError("PARAM_ERROR", "mchid与签名的商户号不一致", number=268445527)
