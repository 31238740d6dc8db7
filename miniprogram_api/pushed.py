"""What WeCom and WeChat push to us: opened, applied, and only then acknowledged."""

import logging
from http import HTTPStatus
from typing import Any, Final

from apiflask import APIBlueprint
from flask import Response, abort, request

from kit.pushed_messages import MessageRejected, PushedMessages
from miniprogram_api.ports import ports
from shop.chat_groups import listening
from shop.members import listening as members
from shop.members.platforms import Platform

log = logging.getLogger(__name__)

blueprint = APIBlueprint("pushed", __name__, url_prefix="/callbacks", tag="Callbacks")

WECOM: Final = "wecom"
WECHAT: Final = "wechat"
_TEXT: Final[dict[str, Any]] = {"text/plain": {"schema": {"type": "string"}}}
_REFUSED: Final[dict[int | str, Any]] = {
    401: {"description": "Not authentic, not fresh or not for us.", "content": _TEXT},
    409: {"description": "Told before we have written the question down.", "content": _TEXT},
    404: {"description": "No such address is set up.", "content": _TEXT},
}
_CHALLENGE: Final[dict[int | str, Any]] = {
    200: {"description": "The text that the platform sealed.", "content": _TEXT},
    **_REFUSED,
}
_TAKEN: Final[dict[int | str, Any]] = {
    200: {"description": "Applied and committed.", "content": _TEXT},
    **_REFUSED,
}


@blueprint.get("/wecom")
@blueprint.doc(summary="Prove to WeCom that the address is ours", responses=_CHALLENGE)
def answer_wecom() -> Response:
    """Return the sealed text in plain, with nothing around it."""
    messages = _open(ports().heard.wecom_messages)
    try:
        told = listening.answer_challenge(messages, request.args, clock=ports().clock)
    except MessageRejected as exc:
        return _refuse(WECOM, exc)
    return _plain(told)


@blueprint.post("/wecom")
@blueprint.doc(summary="Take a message of WeCom", responses=_TAKEN)
def take_wecom_message() -> Response:
    """What became of customer groups; other kinds are taken, and change nothing."""
    messages = _open(ports().heard.wecom_messages)
    try:
        listening.receive_message(
            ports().begin,
            messages,
            query=request.args,
            body=request.get_data(cache=True),
            clock=ports().clock,
        )
    except MessageRejected as exc:
        return _refuse(WECOM, exc)
    return _plain("success")


@blueprint.get("/wechat")
@blueprint.doc(summary="Prove to WeChat that the address is ours", responses=_CHALLENGE)
def answer_wechat() -> Response:
    """Return the text that came with the request, when its signature holds."""
    messages = _open(ports().heard.wechat_messages)
    try:
        told = messages.greet(request.args, now=ports().clock())
    except MessageRejected as exc:
        return _refuse(WECHAT, exc)
    return _plain(told)


@blueprint.post("/wechat")
@blueprint.doc(summary="Take a message of WeChat", responses=_TAKEN)
def take_wechat_message() -> Response:
    """What was found in members' pictures; other kinds are taken, and change nothing."""
    messages = _open(ports().heard.wechat_messages)
    try:
        members.receive_message(
            ports().begin,
            messages,
            app_id=ports().heard.image_checks[Platform.WECHAT].app_id,
            query=request.args,
            body=request.get_data(cache=True),
            clock=ports().clock,
        )
    except MessageRejected as exc:
        return _refuse(WECHAT, exc)
    except members.NotYetKnown:
        return _plain("failure", HTTPStatus.CONFLICT)
    return _plain("success")


def _open(messages: PushedMessages | None) -> PushedMessages:
    return messages if messages is not None else abort(HTTPStatus.NOT_FOUND)


def _refuse(source: str, exc: MessageRejected) -> Response:
    ports().rejections.note(ports().begin, source, exc.reason, now=ports().clock())
    log.info("message rejected", extra={"channel": source, "reason": exc.reason})
    return _plain("failure", HTTPStatus.UNAUTHORIZED)


def _plain(text: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(text, status=status, content_type="text/plain; charset=utf-8")
