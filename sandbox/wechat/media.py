"""The check of pictures, `media_check_async`: a trace id at once, the verdict by a pushed event."""

import json
import secrets
import sqlite3
from datetime import datetime
from typing import Any

from sandbox.faults import Fault
from sandbox.notices import Channel, Notice
from sandbox.peer import Peer
from sandbox.pushes import Address
from sandbox.sender import Message
from sandbox.wechat import users
from sandbox.wechat.answers import WechatError
from sandbox.wechat.content import BAD_ARGUMENT

ADDRESS = "wechat_callback_url"
VERDICT = "wechat_image_verdict"
VERDICTS = ("pass", "review", "risky", "unseen")
LABELS = {"pass": 100, "review": 20002, "risky": 20001}
LADDER_SECONDS = (5, 5)  # three times in all
BODY = {"media_url", "media_type", "version", "openid", "scene"}
NUMBERS = {"media_type": {1, 2}, "version": {2}, "scene": {1, 2, 3, 4}}
LONGEST_URL = 1024
NOT_FETCHED = -1008


def channel(peer: Peer) -> Channel:
    """How `sandbox.notices` delivers what the mini-program is told."""

    def render(notice: Notice, fault: Fault | None) -> Message:
        corrupt = fault is not None and fault.kind == "bad_signature"
        text = json.dumps(notice.content, ensure_ascii=False)
        now = peer.clock.real_now()
        address = address_of(peer)
        return address.message(notice.url, text, now, as_json=True, corrupt=corrupt)

    return Channel(
        platform="wechat",
        ladder_seconds=LADDER_SECONDS,
        render=render,
        accepted=lambda status, body: status == 200 and body in (b"", b"success"),
    )


def address_of(peer: Peer) -> Address:
    """The merchant's address."""
    names = peer.credentials["wechat"]
    return Address(names["callback_token"], names["callback_aes_key"], names["app_id"])


def check(
    peer: Peer, connection: sqlite3.Connection, body: dict[str, Any], now: datetime
) -> tuple[dict[str, Any], str | None]:
    """Take a picture in; return the answer and the notice of its verdict, if anybody is told."""
    _check_body(connection, body, now)
    trace_id = secrets.token_hex(16)
    notice_id = None
    url = peer.settings.get(ADDRESS)
    if url:
        notice_id = peer.notices.announce(
            connection,
            platform="wechat",
            target="wechat.notice",
            event="wxa_media_check",
            url=url,
            subject={"trace_id": trace_id, "media_url": body["media_url"]},
            content=_event(peer, trace_id, body["openid"], now),
        )
    return {"errcode": 0, "errmsg": "ok", "trace_id": trace_id}, notice_id


def _event(peer: Peer, trace_id: str, openid: str, now: datetime) -> dict[str, Any]:
    verdict = peer.settings.get(VERDICT)
    event: dict[str, Any] = {
        "ToUserName": "gh_9df7d78a1234",
        "FromUserName": openid,
        "CreateTime": int(now.timestamp()),
        "MsgType": "event",
        "Event": "wxa_media_check",
        "appid": peer.credentials["wechat"]["app_id"],
        "trace_id": trace_id,
        "version": 2,
    }
    if verdict == "unseen":
        return event | {"errcode": NOT_FETCHED, "errmsg": "download media fail"}
    result = {"suggest": verdict, "label": LABELS[verdict]}
    detail = [{"strategy": "content_model", "errcode": 0, "prob": 90, **result}]
    return event | {"errcode": 0, "errmsg": "ok", "result": result, "detail": detail}


def _check_body(connection: sqlite3.Connection, body: dict[str, Any], now: datetime) -> None:
    for name in body:
        if name not in BODY:
            raise WechatError(BAD_ARGUMENT, f"invalid args, {name} is unknown")
    for name, values in NUMBERS.items():
        if type(body.get(name)) is not int or body[name] not in values:
            raise WechatError(BAD_ARGUMENT, f"invalid args, {name}")
    url = body.get("media_url")
    if not isinstance(url, str) or not url.startswith("http") or len(url) > LONGEST_URL:
        raise WechatError(BAD_ARGUMENT, "invalid args, media_url")
    users.check_visitor(connection, body.get("openid"), now)
