"""Codes of the mini-program: made for a page and a query, fetched as a picture, never ending."""

import secrets

from flask import Blueprint, Response

from sandbox.alipay import rules
from sandbox.alipay.answers import AlipayError, page, success
from sandbox.alipay.desk import Desk, Node
from sandbox.alipay.gate import Parameters
from sandbox.calls import serve_call
from sandbox.faults import Fault
from sandbox.pictures import code_picture

FILE_PATH = "/alipay/qrcodes/"
WIDTH = 430


def add(blueprint: Blueprint, desk: Desk) -> None:
    """Register the path of pictures."""

    @blueprint.get(f"{FILE_PATH}<token>")
    def code_file(token: str) -> Response:
        return serve_call(
            desk.peer,
            "alipay.code_file",
            {"token": token},
            act=lambda fault: _picture(desk, token, fault),
            refuse=lambda fault: page(fault.status or 502),
        )


def create(desk: Desk, parameters: Parameters, _: Fault | None) -> Node:
    """The work of `alipay.open.app.qrcode.create`."""
    content = rules.code(parameters)
    if content["url_param"] not in desk.peer.settings.get("alipay_pages"):
        raise AlipayError(rules.CODE_INVALID, "url_param页面不存在")
    token = secrets.token_hex(16)
    with desk.turn() as turn:
        turn.connection.execute(
            "INSERT INTO ap_codes_made VALUES (?, ?)",
            (token, f"{content['url_param']}?{content['query_param']}"),
        )
    base = desk.peer.base_url("alipay").removesuffix("/alipay")
    address = f"{base}{FILE_PATH}{token}"
    return success(
        qr_code_url=address,
        qr_code_url_circle_white=address,
        qr_code_url_circle_blue=address,
    )


def _picture(desk: Desk, token: str, fault: Fault | None) -> Response:
    """The PNG, unsigned; it says `<page>?<query>` to whoever scans it."""
    with desk.peer.store.read() as connection:
        row = connection.execute(
            "SELECT content FROM ap_codes_made WHERE token = ?", (token,)
        ).fetchone()
    if row is None:
        return page(404)
    picture = code_picture(row["content"], width=WIDTH)
    if fault and fault.kind == "bad_signature":
        picture = picture[: len(picture) // 2]
    return Response(picture, content_type="image/png")
