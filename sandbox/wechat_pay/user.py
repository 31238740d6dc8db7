"""Hands at WeChat Pay: the user's at the cashier, the merchant's staff at an abnormal refund."""

from typing import Any

from flask import Blueprint, Response, jsonify

from sandbox.control import BadOrder, control_body, text_field
from sandbox.wechat_pay import orders, refunds
from sandbox.wechat_pay.desk import Desk
from sandbox.wechat_pay.notices import content


def add(blueprint: Blueprint, desk: Desk) -> None:
    """Register the paths."""

    @blueprint.post("/sandbox/wechat-pay/pay")
    def pay() -> Response | tuple[Response, int]:
        body = control_body()
        coupon_fen = body.get("coupon_fen", 0)
        if isinstance(coupon_fen, bool) or not isinstance(coupon_fen, int):
            raise BadOrder("coupon_fen must be an integer")
        try:
            return jsonify(_pay(desk, text_field(body, "prepay_id"), coupon_fen))
        except orders.CannotPay as reason:
            return jsonify(error=str(reason)), 409

    @blueprint.post("/sandbox/wechat-pay/resolve-refund")
    def resolve_refund() -> dict[str, bool]:
        number, due = text_field(control_body(), "out_refund_no"), desk.refund_due()
        with desk.peer.store.write() as connection:
            is_resolved = refunds.resolve(connection, number, due)
        if is_resolved:
            desk.finish_at(number, due)
        return {"resolved": is_resolved}


def _pay(desk: Desk, prepay_id: str, coupon_fen: int) -> dict[str, Any]:
    """The payment and its notice in one transaction; the notice leaves afterwards."""
    peer = desk.peer
    with peer.store.write() as connection:
        paid = orders.pay(
            connection,
            desk.platform,
            prepay_id=prepay_id,
            coupon_fen=coupon_fen,
            now=peer.clock.now(),
        )
        notice_id = peer.notices.announce(
            connection,
            platform="wechat_pay",
            target="wechat_pay.notice",
            event="TRANSACTION.SUCCESS",
            url=paid.notify_url,
            subject={"out_trade_no": paid.out_trade_no, "transaction_id": paid.transaction_id},
            content=content(
                peer,
                event_type="TRANSACTION.SUCCESS",
                original_type="transaction",
                plain=paid.notice,
            ),
        )
    peer.notices.wake(notice_id)
    return {
        "trade_state": "SUCCESS",
        "out_trade_no": paid.out_trade_no,
        "transaction_id": paid.transaction_id,
        "notice_id": notice_id,
    }
