"""Notices that no platform would send, made with the platform's own keys, for tests of refusal."""

from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Blueprint

from sandbox.control import BadOrder, control_body, text_field
from sandbox.notices import Notice
from sandbox.sender import Message
from sandbox.wechat_pay.answers import compact
from sandbox.wechat_pay.desk import Desk
from sandbox.wechat_pay.notices import envelope, plain_headers
from sandbox.wechat_pay.platform import SigningKey, new_nonce

SHAPES: dict[str, type] = {
    "notice_id": str,
    "url": str,
    "plain": dict,
    "event_type": str,
    "original_type": str,
    "body": dict,
    "resource": dict,
    "key": str,
    "serial": str,
    "signature": str,
    "age_seconds": int,
    "without": list,
}


def add(blueprint: Blueprint, desk: Desk) -> None:
    """Register the path."""

    @blueprint.post("/sandbox/wechat-pay/forge")
    def forge() -> dict[str, Any]:
        """Send a changed copy of a genuine notice and return the merchant's answer.

        `plain` changes fields of the plaintext (objects are merged), `body` and `resource` those
        of the envelope, `event_type` and `original_type` its kind; `key` signs as `public_key`
        (default), `certificate` (the platform's other key) or `stranger`; `serial` and
        `signature` replace the headers, `age_seconds` dates them back, `without` leaves some out.
        """
        order = control_body()
        _check(order)
        notice = desk.peer.notices.find(text_field(order, "notice_id"))
        if notice is None or notice.platform != "wechat_pay":
            raise BadOrder("no such notice")
        message = _forged(desk, notice, order)
        answer = desk.peer.notices.send_and_record(notice, message, "forged")
        return {
            "status": answer.status,
            "body": answer.body.decode("utf-8", "replace"),
            "outcome": answer.outcome,
        }


def _check(order: dict[str, Any]) -> None:
    for name, value in order.items():
        if name not in SHAPES or not isinstance(value, SHAPES[name]):
            raise BadOrder(f"{name!r} is unknown or has another form")


def _forged(desk: Desk, notice: Notice, order: dict[str, Any]) -> Message:
    kinds = {name: order[name] for name in ("event_type", "original_type") if name in order}
    notice = replace(notice, content=notice.content | kinds)
    plain = _merged(notice.content["plain"], order.get("plain", {}))
    changed = _merged(envelope(desk.platform, notice, plain, new_nonce()), order.get("body", {}))
    changed = _merged(changed, {"resource": order.get("resource", {})})
    body = compact(changed)
    headers = _key(desk, order.get("key", "public_key")).headers(
        body, age_seconds=order.get("age_seconds", 0)
    )
    for name in ("serial", "signature"):
        if name in order:
            headers[f"Wechatpay-{name.title()}"] = order[name]
    headers |= plain_headers(notice)
    without = order.get("without", [])
    kept = {name: value for name, value in headers.items() if name not in without}
    return Message(str(order.get("url", notice.url)), kept, body)


def _key(desk: Desk, name: str) -> SigningKey:
    if name == "public_key":
        return desk.platform.public_key
    if name == "certificate":
        return desk.platform.certificate_key
    if name == "stranger":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return SigningKey(desk.platform.public_key.serial, key)
    raise BadOrder("key must be public_key, certificate or stranger")


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """`first` with the fields of `second`; objects are merged, null takes a field away."""
    merged = dict(first)
    for name, value in second.items():
        former = merged.get(name)
        if isinstance(value, dict) and isinstance(former, dict):
            merged[name] = _merged(former, value)
        elif value is None:
            merged.pop(name, None)
        else:
            merged[name] = value
    return merged
