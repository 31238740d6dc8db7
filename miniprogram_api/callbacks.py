"""Notices of the payment platforms: answered only after the commit, in each platform's words."""

import logging
from http import HTTPStatus
from typing import Any, Final

from apiflask import APIBlueprint
from flask import Response, jsonify, request

from kit.errors import DomainError
from miniprogram_api.ports import ports
from shop.orders import notices
from shop.orders.receiving import TradeMismatch, UnknownTrade
from shop.orders.refunding import RefundMismatch
from shop.payments.gateway import Channel, NoticeRejected
from shop.referral.commissions import EarnerChanged
from shop.withdrawals import notices as transfer_notices
from shop.withdrawals.sending import TransferMismatch

log = logging.getLogger(__name__)

blueprint = APIBlueprint("callbacks", __name__, url_prefix="/callbacks", tag="Callbacks")

_FAIL: Final[dict[str, Any]] = {
    "application/json": {
        "schema": {
            "type": "object",
            "additionalProperties": False,
            "required": ["code", "message"],
            "properties": {"code": {"const": "FAIL"}, "message": {"type": "string"}},
        }
    }
}
_SUCCESS: Final[dict[str, Any]] = {"text/plain": {"schema": {"const": "success"}}}
_FAILURE: Final[dict[str, Any]] = {"text/plain": {"schema": {"const": "failure"}}}
_WECHAT_PAY_ANSWERS: Final[dict[int | str, Any]] = {
    204: {"description": "Applied and committed."},
    401: {"description": "Not authentic, or too old.", "content": _FAIL},
    409: {"description": "Authentic, and contradicts what we know.", "content": _FAIL},
}
_ALIPAY_ANSWERS: Final[dict[int | str, Any]] = {
    200: {"description": "Applied and committed.", "content": _SUCCESS},
    401: {"description": "Not authentic.", "content": _FAILURE},
    409: {"description": "Authentic, and contradicts what we know.", "content": _FAILURE},
}


@blueprint.post("/wechat-pay")
@blueprint.doc(
    summary="Take a notice of WeChat Pay",
    responses=_WECHAT_PAY_ANSWERS,
)
def take_wechat_pay_notice() -> Response:
    """Authenticate, apply and acknowledge; anything but 2xx makes the platform send it again."""
    refused = _receive(Channel.WECHAT_PAY)
    if refused is None:
        return Response(status=HTTPStatus.NO_CONTENT)
    return _fail(refused)


@blueprint.post("/wechat-pay-transfers")
@blueprint.doc(
    summary="Take a notice of WeChat Pay about a transfer",
    responses=_WECHAT_PAY_ANSWERS,
)
def take_wechat_pay_transfer_notice() -> Response:
    """The same for transfers to leaders."""
    refused = _receive_transfer(Channel.WECHAT_PAY)
    return Response(status=HTTPStatus.NO_CONTENT) if refused is None else _fail(refused)


@blueprint.post("/alipay")
@blueprint.doc(
    summary="Take a notice of Alipay",
    responses=_ALIPAY_ANSWERS,
)
def take_alipay_notice() -> Response:
    """Authenticate, apply and acknowledge; any body but `success` makes the platform send again."""
    return _answer_alipay(_receive(Channel.ALIPAY))


@blueprint.post("/alipay-messages")
@blueprint.doc(
    summary="Take a message of Alipay to the application",
    responses=_ALIPAY_ANSWERS,
)
def take_alipay_message() -> Response:
    """What became of transfers to leaders; other kinds are taken, and change nothing."""
    return _answer_alipay(_receive_transfer(Channel.ALIPAY))


def _answer_alipay(refused: HTTPStatus | None) -> Response:
    return Response(
        "success" if refused is None else "failure",
        status=refused or HTTPStatus.OK,
        content_type="text/plain; charset=utf-8",
    )


def _receive(channel: Channel) -> HTTPStatus | None:
    """Return None when the notice is applied and committed, else the status that refuses it."""
    # The signature is over the bytes as they came, so nothing may parse them first.
    body = request.get_data(cache=True)
    try:
        notices.receive_notice(
            ports().begin,
            ports().gateways[channel],
            headers=dict(request.headers.items()),
            body=body,
            payer_hash_key=ports().payer_hash_key,
            clock=ports().clock,
            rejections=ports().rejections,
        )
    except NoticeRejected as exc:
        log.info("notice rejected", extra={"channel": channel.value, "reason": exc.reason})
        return HTTPStatus.UNAUTHORIZED
    except (UnknownTrade, TradeMismatch, RefundMismatch) as exc:
        _log_mismatch(channel, exc)
        return HTTPStatus.CONFLICT
    return None


def _receive_transfer(channel: Channel) -> HTTPStatus | None:
    body = request.get_data(cache=True)
    try:
        transfer_notices.receive_notice(
            ports().begin,
            ports().transfers[channel],
            headers=dict(request.headers.items()),
            body=body,
            clock=ports().clock,
            rejections=ports().rejections,
        )
    except NoticeRejected as exc:
        log.info("notice rejected", extra={"channel": channel.value, "reason": exc.reason})
        return HTTPStatus.UNAUTHORIZED
    except (TransferMismatch, EarnerChanged) as exc:
        _log_mismatch(channel, exc)
        return HTTPStatus.CONFLICT
    return None


def _fail(refused: HTTPStatus) -> Response:
    response = jsonify(code="FAIL", message="通知未被接受")
    response.status_code = refused
    return response


def _log_mismatch(channel: Channel, exc: DomainError) -> None:
    log.warning("notice contradicts", extra={"channel": channel.value, "refusal": exc.code})
