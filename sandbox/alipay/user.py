"""The user's hand at Alipay: `/sandbox/alipay/codes`, `/phone-blobs` and `/pay`."""

import re
from typing import Any

from flask import Blueprint, Response, jsonify

from sandbox.alipay import trades, users
from sandbox.alipay.answers import MESSAGES, code_of, compact
from sandbox.alipay.desk import Desk
from sandbox.alipay.platform import SIGN_TYPE
from sandbox.control import BadOrder, control_body, text_field

OPEN_ID = re.compile(r"[0-9A-Za-z_-]{1,128}", re.ASCII)
PHONE = re.compile(r"[0-9]{6,15}|\+?[0-9]{1,4}-[0-9]{4,14}", re.ASCII)


def add(blueprint: Blueprint, desk: Desk) -> None:
    """Register the paths."""

    @blueprint.post("/sandbox/alipay/codes")
    def code() -> dict[str, str]:
        body = control_body()
        open_id, union_id = text_field(body, "open_id"), body.get("union_id")
        if not OPEN_ID.fullmatch(open_id) or not isinstance(union_id, str | None):
            raise BadOrder("open_id must be letters, digits, _ or -; union_id a text")
        with desk.turn() as turn:
            return {"code": users.new_code(turn.connection, open_id, union_id, turn.now)}

    @blueprint.post("/sandbox/alipay/phone-blobs")
    def phone_blob() -> dict[str, str]:
        return _phone_blob(desk, control_body())

    @blueprint.post("/sandbox/alipay/pay")
    def pay() -> Response | tuple[Response, int]:
        body = control_body()
        coupon_fen = body.get("coupon_fen", 0)
        if isinstance(coupon_fen, bool) or not isinstance(coupon_fen, int):
            raise BadOrder("coupon_fen must be an integer")
        try:
            return jsonify(_pay(desk, text_field(body, "trade_no"), coupon_fen))
        except trades.CannotPay as reason:
            return jsonify(error=str(reason)), 409


def _pay(desk: Desk, trade_no: str, coupon_fen: int) -> dict[str, Any]:
    """The payment and its notice in one transaction; the notice leaves afterwards."""
    desk.expire({"trade_no": trade_no})
    with desk.turn() as turn:
        trade = trades.pay(
            turn.connection,
            trade_no,
            coupon_fen=coupon_fen,
            refundable_days=desk.peer.settings.get("alipay_refundable_days"),
            now=turn.now,
        )
        notice_id = desk.tell(turn, trade)
    return {
        "trade_status": trade["state"],
        "out_trade_no": trade["out_trade_no"],
        "trade_no": trade_no,
        "notice_id": notice_id,
    }


def _phone_blob(desk: Desk, body: dict[str, Any]) -> dict[str, str]:
    """What `my.getPhoneNumber` hands to the page.

    A number comes encrypted and is signed with its quotes; a `failure` comes as plain JSON.
    """
    failure = body.get("failure")
    if failure is not None:
        response = signed = _failed(text_field(body, "failure"))
    else:
        phone = text_field(body, "phone")
        if not PHONE.fullmatch(phone):
            raise BadOrder("phone must be digits, or a country code, - and digits")
        plain = compact({"code": "10000", "msg": MESSAGES["10000"], "mobile": phone})
        response = desk.platform.encrypted(plain)
        signed = f'"{response}"'
    settings = desk.peer.settings
    key = desk.platform.signing_key(settings.get("alipay_certificate"))
    return {
        "response": response,
        "sign": key.sign(signed, require_rsa=settings.get("require_rsa")),
        "sign_type": SIGN_TYPE,
        "encrypt_type": "AES",
        "charset": "UTF-8",
    }


def _failed(sub_code: str) -> str:
    """This one call spells its parts in camel case."""
    code = code_of(sub_code)
    return compact({"code": code, "msg": MESSAGES[code], "subCode": sub_code, "subMsg": "失败"})
