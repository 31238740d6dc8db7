"""What WeChat Pay's objects mean in the shop's words: a trade, a refund, a transfer."""

from collections.abc import Mapping
from typing import Any, Final

from shop.payments.gateway import Channel, RefundResult, RefundState, Trade, TradeState
from shop.payments.reading import (
    Unreadable,
    fen_of,
    number_of,
    object_of,
    optional_text_of,
    rfc3339_of,
    text_of,
)
from shop.payments.transfer_gateway import TransferResult, TransferState

TRADE_STATES: Final[Mapping[str, TradeState]] = {
    "SUCCESS": TradeState.PAID,
    "REFUND": TradeState.REFUNDED,
    "NOTPAY": TradeState.NOT_PAID,
    "USERPAYING": TradeState.NOT_PAID,
    "PAYERROR": TradeState.NOT_PAID,
    "ACCEPT": TradeState.NOT_PAID,
    "CLOSED": TradeState.CLOSED,
    "REVOKED": TradeState.CLOSED,
}
REFUND_STATES: Final[Mapping[str, RefundState]] = {
    "SUCCESS": RefundState.DONE,
    "PROCESSING": RefundState.PROCESSING,
    "ABNORMAL": RefundState.ABNORMAL,
    "CLOSED": RefundState.CLOSED,
}
TRANSFER_STATES: Final[Mapping[str, TransferState]] = {
    "ACCEPTED": TransferState.PROCESSING,
    "PROCESSING": TransferState.PROCESSING,
    "TRANSFERING": TransferState.PROCESSING,
    "CANCELING": TransferState.PROCESSING,
    "WAIT_USER_CONFIRM": TransferState.AWAITING_USER,
    "SUCCESS": TransferState.DONE,
    "FAIL": TransferState.FAILED,
    "CANCELLED": TransferState.CANCELLED,
}


def trade_in(told: Mapping[str, Any]) -> Trade:
    """Read a query's answer or a paid notice's plaintext; raises `Unreadable`.

    The amount is `total`, the order's own; what coupons of the platform paid of it is our money.
    """
    state = TRADE_STATES.get(text_of(told, "trade_state"))
    if state is None:
        raise Unreadable("trade_state")
    is_paid = state in (TradeState.PAID, TradeState.REFUNDED)
    amount = object_of(told, "amount") if is_paid or "amount" in told else None
    payer = object_of(told, "payer") if is_paid or told.get("payer") else {}
    paid_at = rfc3339_of(told, "success_time")
    if is_paid and paid_at is None:
        raise Unreadable("success_time")
    return Trade(
        channel=Channel.WECHAT_PAY,
        app_id=text_of(told, "appid"),
        merchant_id=text_of(told, "mchid"),
        out_trade_no=number_of(told, "out_trade_no"),
        state=state,
        transaction_no=number_of(told, "transaction_id") if is_paid else None,
        total_fen=fen_of(amount, "total") if amount is not None else None,
        currency=text_of(amount, "currency") if amount is not None else "CNY",
        payer_ref=optional_text_of(payer, "openid"),
        paid_at=paid_at if is_paid else None,
    )


def refund_in(
    told: Mapping[str, Any], *, merchant_id: str, state_name: str = "status"
) -> RefundResult:
    """Read a refund's answer, or a notice's plaintext (`refund_status`); raises `Unreadable`."""
    state = REFUND_STATES.get(text_of(told, state_name))
    if state is None:
        raise Unreadable(state_name)
    amount = object_of(told, "amount")
    if amount.get("currency", "CNY") != "CNY":
        raise Unreadable("currency")
    refund_fen, total_fen = fen_of(amount, "refund"), fen_of(amount, "total")
    if refund_fen > total_fen:
        raise Unreadable("refund")
    return RefundResult(
        channel=Channel.WECHAT_PAY,
        merchant_id=merchant_id,
        out_trade_no=number_of(told, "out_trade_no"),
        out_refund_no=number_of(told, "out_refund_no"),
        state=state,
        amount_fen=refund_fen,
        platform_refund_no=number_of(told, "refund_id"),
        finished_at=rfc3339_of(told, "success_time") if state is RefundState.DONE else None,
    )


def transfer_in(told: Mapping[str, Any], *, has_amount: bool = True) -> TransferResult:
    """Read an answer or a notice's plaintext; raises `Unreadable`."""
    state = TRANSFER_STATES.get(text_of(told, "state"))
    if state is None:
        raise Unreadable("state")
    package_info = told.get("package_info")
    if package_info is not None and not (isinstance(package_info, str) and package_info):
        raise Unreadable("package_info")
    return TransferResult(
        channel=Channel.WECHAT_PAY,
        merchant_id=text_of(told, "mch_id"),
        out_bill_no=number_of(told, "out_bill_no"),
        state=state,
        amount_fen=fen_of(told, "transfer_amount") if has_amount else None,
        platform_no=number_of(told, "transfer_bill_no"),
        package_info=package_info,
        reason=optional_text_of(told, "fail_reason"),
        finished_at=rfc3339_of(told, "update_time") if state is TransferState.DONE else None,
    )
