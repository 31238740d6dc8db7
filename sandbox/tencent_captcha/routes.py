"""The one path of the simulated Tencent Captcha, and the hand that moves the slider."""

import json
import secrets
from typing import Any

from flask import Blueprint, Response, request

from sandbox.calls import note, serve_call
from sandbox.faults import Fault
from sandbox.peer import Peer
from sandbox.tencent_captcha import tickets
from sandbox.tencent_captcha.signature import TencentError, check

TARGET = "tencent_captcha.result"
ACTION, VERSION = "DescribeCaptchaResult", "2019-07-22"


def create_blueprint(peer: Peer) -> Blueprint:
    """The platform, built on a peer."""
    peer.store.ensure_schema(tickets.SCHEMA)
    blueprint = Blueprint("tencent_captcha", __name__)

    @blueprint.post("/tencent-captcha/")
    def call() -> Response:
        return serve_call(peer, TARGET, {}, act=lambda fault: _act(peer, fault), refuse=_refuse)

    @blueprint.post("/sandbox/tencent-captcha/tickets")
    def slide() -> dict[str, str]:
        with peer.store.write() as connection:
            return tickets.give(connection, peer.clock.now())

    return blueprint


def _act(peer: Peer, fault: Fault | None) -> Response:
    try:
        answer = _answer(peer)
    except TencentError as problem:
        note(str(problem))
        return _refused(problem)
    if fault is not None:  # what is not signed cannot be signed wrongly
        return Response("<html><h1>Bad Gateway</h1></html>", 200, content_type="text/html")
    return _said(answer)


def _answer(peer: Peer) -> dict[str, Any]:
    ours = peer.credentials["tencent_captcha"]
    if request.mimetype != "application/json":
        raise TencentError("UnsupportedProtocol")
    body = request.get_data()
    check(
        {name.lower(): value for name, value in request.headers.items()}
        | {name: request.headers.get(name, "") for name in ("Authorization", "X-TC-Timestamp")},
        body,
        secret_id=ours["secret_id"],
        secret_key=ours["secret_key"],
        now=peer.clock.real_now(),
    )
    if request.headers.get("X-TC-Action") != ACTION:
        raise TencentError("InvalidAction")
    if request.headers.get("X-TC-Version") != VERSION:
        raise TencentError("NoSuchVersion")
    try:
        asked = tickets.read(json.loads(body))
    except ValueError:
        raise TencentError("InvalidParameter", "the body is no JSON") from None
    with peer.store.write() as connection:
        code = tickets.judge(connection, asked, ours, peer.clock.now())
    return {"CaptchaCode": code, "CaptchaMsg": tickets.MESSAGES[code], "EvilLevel": 0}


def _refuse(fault: Fault) -> Response:
    response = _refused(TencentError(fault.code or "InternalError"))
    response.status_code = fault.status or 200
    return response


def _refused(problem: TencentError) -> Response:
    return _said({"Error": {"Code": problem.code, "Message": problem.message}})


def _said(answer: dict[str, Any]) -> Response:
    """HTTP 200, whatever happened."""
    content = json.dumps({"Response": answer | {"RequestId": secrets.token_hex(16)}})
    return Response(content, content_type="application/json")
