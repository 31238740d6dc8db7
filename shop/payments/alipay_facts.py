"""What Alipay's answers and notices mean in the shop's words: a trade, a refund, a transfer."""

from collections.abc import Mapping
from typing import Any, Final

from shop.payments.gateway import Channel, RefundResult, RefundState, Trade, TradeState
from shop.payments.reading import (
    Unreadable,
    beijing_of,
    number_of,
    optional_text_of,
    text_of,
    yuan_of,
)
from shop.payments.transfer_gateway import TransferResult, TransferState

PAID_STATUSES: Final = frozenset({"TRADE_SUCCESS", "TRADE_FINISHED"})
TRANSFER_STATES: Final[Mapping[str, TransferState]] = {
    "INIT": TransferState.PROCESSING,
    "WAIT_PAY": TransferState.PROCESSING,
    "DEALING": TransferState.PROCESSING,
    "SUCCESS": TransferState.DONE,
    "FAIL": TransferState.FAILED,
    "CLOSED": TransferState.FAILED,
    "REFUND": TransferState.FAILED,
}


def trade_in(told: Mapping[str, Any], *, app_id: str, seller_id: str, is_notice: bool) -> Trade:
    """Read a query's answer or a notice, already bound to our application and seller.

    Raises `Unreadable`. The amount is `total_amount`, the order's own, whoever funded its parts.
    """
    paid_at = beijing_of(told, "gmt_payment" if is_notice else "send_pay_date")
    state = _state_of(told, was_paid=paid_at is not None)
    is_paid = state in (TradeState.PAID, TradeState.REFUNDED)
    if is_paid and paid_at is None:
        raise Unreadable("gmt_payment")
    return Trade(
        channel=Channel.ALIPAY,
        app_id=app_id,
        merchant_id=seller_id,
        out_trade_no=number_of(told, "out_trade_no"),
        state=state,
        transaction_no=number_of(told, "trade_no") if is_paid else None,
        total_fen=yuan_of(told, "total_amount") if is_paid or "total_amount" in told else None,
        currency=optional_text_of(told, "trans_currency") or "CNY",
        payer_ref=(
            optional_text_of(told, "buyer_open_id")
            or optional_text_of(told, "buyer_user_id")
            or optional_text_of(told, "buyer_id")
        ),
        paid_at=paid_at if is_paid else None,
    )


def refund_in(told: Mapping[str, Any], *, seller_id: str) -> RefundResult:
    """Read the answer of a refund query that has a `refund_status`; raises `Unreadable`."""
    if told.get("refund_status") != "REFUND_SUCCESS":
        raise Unreadable("refund_status")
    return RefundResult(
        channel=Channel.ALIPAY,
        merchant_id=seller_id,
        out_trade_no=number_of(told, "out_trade_no"),
        out_refund_no=number_of(told, "out_request_no"),
        state=RefundState.DONE,
        amount_fen=yuan_of(told, "refund_amount"),
        platform_refund_no=None,
        finished_at=beijing_of(told, "gmt_refund_pay"),
    )


def transfer_in(
    told: Mapping[str, Any], *, seller_id: str, has_amount: bool, time_name: str
) -> TransferResult:
    """Read the answer of a transfer or a query, or a message's content; raises `Unreadable`."""
    state = TRANSFER_STATES.get(text_of(told, "status"))
    if state is None:
        raise Unreadable("status")
    return TransferResult(
        channel=Channel.ALIPAY,
        merchant_id=seller_id,
        out_bill_no=number_of(told, "out_biz_no"),
        state=state,
        amount_fen=yuan_of(told, "trans_amount") if has_amount else None,
        platform_no=number_of(told, "order_id"),
        reason=optional_text_of(told, "error_code"),
        finished_at=beijing_of(told, time_name),
    )


def _state_of(told: Mapping[str, Any], *, was_paid: bool) -> TradeState:
    status = told.get("trade_status")
    if status in PAID_STATUSES:
        return TradeState.PAID
    if status == "WAIT_BUYER_PAY":
        return TradeState.NOT_PAID
    if status == "TRADE_CLOSED":
        # One word for two ends: never paid, or paid and given back.
        return TradeState.REFUNDED if was_paid else TradeState.CLOSED
    raise Unreadable("trade_status")
