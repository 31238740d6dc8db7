"""Answers of qyapi.weixin.qq.com: HTTP 200 with errcode, and the platform's own words."""

import secrets

from flask import Response

from sandbox.faults import Fault
from sandbox.wechat.answers import WechatError, ok

MEANINGS = {
    -1: "system busy",
    40001: "invalid credential",
    40003: "invalid userid",
    40005: "invalid file type",
    40007: "invalid media_id",
    40008: "invalid message type",
    40009: "invalid image size",
    40013: "invalid corpid",
    40014: "invalid access_token",
    40058: "invalid Request Parameter",
    40063: "some parameters are empty",
    41001: "access_token missing",
    41002: "corpid missing",
    41004: "corpsecret missing",
    41046: "missing groupmsg id",
    41047: "invalid groupmsg id",
    41048: "no customer to send",
    42001: "access_token expired",
    43002: "require POST method",
    44001: "empty media data",
    44002: "empty post data",
    45008: "article count exceeds limit",
    45009: "api freq out of limit",
    45033: "api concurrent out of limit",
    47001: "data format error",
    86003: "invalid chatid",
    90501: "not external chat",
    93000: "invalid webhook url",
    301019: "invalid file md5",
}


class WecomError(WechatError):
    """A refusal by its errcode."""

    def __init__(self, errcode: int, detail: str = "") -> None:
        meaning = MEANINGS.get(errcode, "error")
        super().__init__(errcode, f"{detail}. {meaning}" if detail else meaning)


def refused(problem: WechatError) -> Response:
    """The errcode body with the hint that WeCom adds; still HTTP 200."""
    hint = f"hint: [{secrets.randbelow(10**24):024d}], from ip: 127.0.0.1"
    more = f"more info at https://open.work.weixin.qq.com/devtool/query?e={problem.errcode}"
    message = WecomError(problem.errcode).message
    if isinstance(problem, WecomError):
        message = problem.message
    return ok({"errcode": problem.errcode, "errmsg": f"{message}, {hint}, {more}"})


def refused_by(fault: Fault) -> Response:
    """The errcode a fault orders (-1 unless it says otherwise), with its HTTP status."""
    code = int(fault.code) if fault.code and fault.code.lstrip("-").isdigit() else -1
    response = refused(WecomError(code))
    response.status_code = fault.status or 200
    return response
