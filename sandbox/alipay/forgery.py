"""Notices that Alipay would never send, made with its own keys, for tests of refusal."""

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint

from sandbox.alipay.desk import Desk
from sandbox.alipay.notices import HEADERS, signed_form, timed
from sandbox.alipay.platform import SigningKey
from sandbox.control import BadOrder, control_body, text_field
from sandbox.key_files import new_key
from sandbox.notices import Notice
from sandbox.sender import Message

SHAPES: dict[str, type] = {
    "notice_id": str,
    "url": str,
    "fields": dict,
    "unsigned": dict,
    "key": str,
    "sign": str,
    "sign_type": str,
    "with_sign_type": bool,
    "without": list,
    "twice": dict,
}


def add(blueprint: Blueprint, desk: Desk) -> None:
    """Register the path."""

    @blueprint.post("/sandbox/alipay/forge")
    def forge() -> dict[str, Any]:
        """Send a changed copy of a genuine notice and return the merchant's answer.

        `fields` change before signing (null takes one away), `unsigned` after it; `key` signs as
        `current` (default), `next` (the certificate to come) or `stranger`; `sign` and `sign_type`
        replace the true ones, `with_sign_type` has the signature cover `sign_type`, `without`
        leaves names out and `twice` adds more values of names, both after signing.
        """
        order = control_body()
        _check(order)
        notice = desk.peer.notices.find(text_field(order, "notice_id"))
        if notice is None or notice.platform != "alipay":
            raise BadOrder("no such notice")
        answer = desk.peer.notices.send_and_record(notice, _forged(desk, notice, order), "forged")
        return {
            "status": answer.status,
            "body": answer.body.decode("utf-8", "replace"),
            "outcome": answer.outcome,
        }


def _check(order: dict[str, Any]) -> None:
    for name, value in order.items():
        if name not in SHAPES or not isinstance(value, SHAPES[name]):
            raise BadOrder(f"{name!r} is unknown or has another form")
    for name in ("fields", "unsigned", "twice"):
        if not all(isinstance(value, str | None) for value in order.get(name, {}).values()):
            raise BadOrder(f"{name} holds texts")


def _forged(desk: Desk, notice: Notice, order: dict[str, Any]) -> Message:
    fields = _changed(timed(desk.peer, notice.content), order.get("fields", {}))
    form = signed_form(
        _key(desk, order.get("key", "current")),
        fields,
        with_sign_type=order.get("with_sign_type", False),
    )
    form = _changed(form, order.get("unsigned", {}))
    form |= {name: order[name] for name in ("sign", "sign_type") if name in order}
    without = order.get("without", [])
    pairs = [(name, value) for name, value in form.items() if name not in without]
    pairs += order.get("twice", {}).items()
    return Message(str(order.get("url", notice.url)), dict(HEADERS), urlencode(pairs).encode())


def _changed(first: dict[str, str], second: dict[str, str | None]) -> dict[str, str]:
    """`first` with the fields of `second`; null takes a field away."""
    return {name: value for name, value in (first | second).items() if value is not None}


def _key(desk: Desk, name: str) -> SigningKey:
    if name in {"current", "next"}:
        return desk.platform.signing_key(name)
    if name == "stranger":
        return SigningKey(desk.platform.signing_key().serial_name, new_key())
    raise BadOrder("key must be current, next or stranger")
