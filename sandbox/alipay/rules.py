"""The `biz_content` that each method accepts, field by field."""

from collections.abc import Mapping

from sandbox.alipay import fields
from sandbox.alipay.answers import AlipayError
from sandbox.alipay.fields import Content

ACQ_INVALID = "ACQ.INVALID_PARAMETER"
BILL_INVALID = "isv.invalid_arguments"
NUMBER = fields.text(64, r"[0-9A-Za-z_]*")
REASON = fields.text(256, without="/=&")
TRADE: dict[str, fields.Rule] = {"out_trade_no": NUMBER, "trade_no": fields.text(64)}
TIMEOUT = r"[1-9]\d{0,4}[mhd]|1c"

CREATE: dict[str, fields.Rule] = {
    "out_trade_no": NUMBER,
    "total_amount": fields.money,
    "subject": fields.text(256, without="/=&"),
    "product_code": fields.text(64),
    "op_app_id": fields.text(32),
    "buyer_open_id": fields.text(128),
    "seller_id": fields.text(28),
    "body": fields.text(128),
    "goods_detail": fields.records,
    "timeout_express": fields.text(6, TIMEOUT),
    "time_expire": fields.local_time,
    "extend_params": fields.record,
    "business_params": fields.record,
    "passback_params": fields.text(512),
    "operator_id": fields.text(28),
    "store_id": fields.text(32),
    "terminal_id": fields.text(32),
    "enable_pay_channels": fields.text(128),
    "disable_pay_channels": fields.text(128),
    "query_options": fields.options("voucher_detail_list"),
}
CREATE_REQUIRED = {
    "out_trade_no",
    "total_amount",
    "subject",
    "product_code",
    "op_app_id",
    "buyer_open_id",
}
QUERY: dict[str, fields.Rule] = TRADE | {
    "query_options": fields.options(
        "trade_settle_info",
        "TRADE_SETTLE_INFO",
        "fund_bill_list",
        "voucher_detail_list",
        "discount_goods_detail",
        "mdiscount_amount",
    ),
}
CLOSE: dict[str, fields.Rule] = TRADE | {"operator_id": fields.text(28)}
REFUND: dict[str, fields.Rule] = TRADE | {
    "refund_amount": fields.money,
    "out_request_no": NUMBER,
    "refund_reason": REASON,
    "refund_goods_detail": fields.records,
    "refund_royalty_parameters": fields.records,
    "operator_id": fields.text(28),
    "query_options": fields.options("refund_detail_item_list", "deposit_back_info"),
}
REFUND_QUERY: dict[str, fields.Rule] = TRADE | {
    "out_request_no": NUMBER,
    "query_options": fields.options(
        "refund_detail_item_list", "gmt_refund_pay", "deposit_back_info"
    ),
}
BILL: dict[str, fields.Rule] = {
    "bill_type": fields.one_of("trade", "signcustomer", "merchant_act"),
    "bill_date": fields.text(10, r"\d{4}-\d\d(-\d\d)?"),
}
MESSAGE: dict[str, fields.Rule] = {
    "to_open_id": fields.text(128),
    "user_template_id": fields.text(64),
    "page": fields.text(1024),  # its own refusal comes from 129 characters on
    "data": fields.text(4096),
}
CONTENT: dict[str, fields.Rule] = {"content": fields.text(3000)}


def create(parameters: Mapping[str, str]) -> Content:
    """The content of `alipay.trade.create`."""
    return fields.content_of(parameters, CREATE, CREATE_REQUIRED, ACQ_INVALID)


def query(parameters: Mapping[str, str]) -> Content:
    """The content of `alipay.trade.query`."""
    return _named(fields.content_of(parameters, QUERY, set(), ACQ_INVALID))


def close(parameters: Mapping[str, str]) -> Content:
    """The content of `alipay.trade.close`."""
    return _named(fields.content_of(parameters, CLOSE, set(), ACQ_INVALID))


def refund(parameters: Mapping[str, str]) -> Content:
    """The content of `alipay.trade.refund`."""
    return _named(fields.content_of(parameters, REFUND, {"refund_amount"}, ACQ_INVALID))


def refund_query(parameters: Mapping[str, str]) -> Content:
    """The content of `alipay.trade.fastpay.refund.query`."""
    return _named(fields.content_of(parameters, REFUND_QUERY, {"out_request_no"}, ACQ_INVALID))


def bill(parameters: Mapping[str, str]) -> Content:
    """The content of `alipay.data.dataservice.bill.downloadurl.query`."""
    return fields.content_of(parameters, BILL, {"bill_type", "bill_date"}, BILL_INVALID)


def _named(content: Content) -> Content:
    """One of the two numbers must say which trade is meant."""
    if not (content.get("trade_no") or content.get("out_trade_no")):
        raise AlipayError(ACQ_INVALID, "trade_no和out_trade_no不能同时为空")
    return content


def message(parameters: Mapping[str, str]) -> Content:
    """The content of `alipay.open.app.mini.templatemessage.send`."""
    required = {"to_open_id", "user_template_id", "page"}
    return fields.content_of(parameters, MESSAGE, required, "ILLEGAL_ARGUMENT_PARAMS")


def text(parameters: Mapping[str, str]) -> Content:
    """The content of `alipay.security.risk.content.detect`."""
    return fields.content_of(parameters, CONTENT, {"content"}, "ILLEGAL_ARGUMENT_PARAMS")
