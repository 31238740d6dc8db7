"""Paths of the simulated WeChat under `/wechat`, and the user's hand under `/sandbox/wechat`."""

import json
import re
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from sandbox.calls import note, serve_call
from sandbox.control import BadOrder, control_body, text_field
from sandbox.faults import Fault
from sandbox.peer import Peer, callback_url
from sandbox.wechat import codes, media, recipients, seals, users
from sandbox.wechat.answers import WechatError, garbled, ok, posted_json, refused, refused_by
from sandbox.wechat.calls import Calls
from sandbox.wechat.schema import SCHEMA

Work = Callable[[], dict[str, Any] | Response]
OPENID = re.compile(r"[0-9A-Za-z_-]{1,128}")
PHONE = re.compile(r"\+?[0-9]{6,20}")


def create_blueprint(peer: Peer) -> Blueprint:
    """The platform, built on a peer."""
    peer.store.ensure_schema(SCHEMA)
    peer.settings.declare("shipping_visible_after_seconds", 1.0)
    peer.settings.declare("wechat_risky_words", "赌博 毒品")
    peer.settings.declare("wechat_review_words", "返利 加微信")
    peer.settings.declare(media.ADDRESS, callback_url("wechat"))
    peer.settings.declare(media.VERDICT, "pass", media.VERDICTS)
    peer.notices.register(media.channel(peer))
    peer.books.register("wechat", recipients.report)
    peer.settings.declare("wechat_pages", ["pages/index/index", "pages/invite/index"])
    blueprint = Blueprint("wechat", __name__)
    calls = Calls(peer)

    def add(path: str, target: str, work: Work) -> None:
        """One path of the platform; a wrong method is an errcode, not a 405."""
        blueprint.add_url_rule(
            f"/wechat{path}",
            endpoint=path,
            view_func=lambda: _serve(peer, target, work),
            methods=["GET", "POST"],
        )

    add("/cgi-bin/stable_token", "wechat.stable_token", calls.stable_token)
    add("/cgi-bin/token", "wechat.stable_token", calls.token)
    add("/sns/jscode2session", "wechat.code2session", calls.code2session)
    add("/wxa/business/getuserphonenumber", "wechat.phone", calls.phone)
    add("/wxa/sec/order/upload_shipping_info", "wechat.shipping", calls.upload_shipping)
    add("/wxa/sec/order/get_order", "wechat.shipping", calls.get_order)
    add("/wxa/sec/order/is_trade_managed", "wechat.shipping", calls.is_trade_managed)
    add("/cgi-bin/message/subscribe/send", "wechat.subscribe_message", calls.send_message)
    add("/wxa/msg_sec_check", "wechat.content_check", calls.check_text)
    add("/wxa/media_check_async", "wechat.media_check", calls.check_media)
    add("/wxa/getwxacodeunlimit", "wechat.code", calls.unlimited_code)
    add("/wxa/generate_urllink", "wechat.link", calls.url_link)
    _add_user(blueprint, peer, calls)
    recipients.add(blueprint, peer)
    return blueprint


def _serve(peer: Peer, target: str, work: Work) -> Response:
    """Answer with what `work` returns; WechatError becomes its errcode."""

    def act(fault: Fault | None) -> Response:
        try:
            answer = work()
        except WechatError as problem:
            note(str(problem))
            return refused(problem)
        if fault and fault.kind == "bad_signature":
            return garbled()
        return answer if isinstance(answer, Response) else ok(answer)

    return serve_call(peer, target, _subject(), act=act, refuse=refused_by)


def _subject() -> dict[str, str]:
    """What `match` of a fault may look at: the query and the texts of the body, nested ones too."""
    subject = request.args.to_dict()
    try:
        body = posted_json() if request.method == "POST" else None
    except WechatError:
        body = None
    for part in (body, body.get("order_key") if isinstance(body, dict) else None):
        if isinstance(part, dict):
            subject |= {name: value for name, value in part.items() if isinstance(value, str)}
    return subject


def _entered(peer: Peer, body: dict[str, Any]) -> dict[str, str]:
    """What a client gets who came from a chat group: a login code, and the group, sealed."""
    openid, opengid = text_field(body, "openid"), text_field(body, "opengid")
    now = peer.clock.real_now()
    mark = {
        "appid": str(body.get("appid", peer.credentials["wechat"]["app_id"])),
        "timestamp": int(now.timestamp()) - int(body.get("age_seconds", 0)),
    }
    with peer.store.write() as connection:
        code = users.new_login_code(connection, openid, None, peer.clock.now())
    told = {"opengid": opengid, "open_single_roomid": "", "chat_type": 3, "watermark": mark}
    return {"code": code, **seals.sealed(json.dumps(told), users.session_key_of(code))}


def _add_user(blueprint: Blueprint, peer: Peer, calls: Calls) -> None:
    @blueprint.post("/sandbox/wechat/codes")
    def login_code() -> dict[str, str]:
        body = control_body()
        openid, unionid = text_field(body, "openid"), body.get("unionid")
        if not OPENID.fullmatch(openid) or not isinstance(unionid, str | None):
            raise BadOrder("openid must be letters, digits, _ or -; unionid a text")
        with peer.store.write() as connection:
            return {"code": users.new_login_code(connection, openid, unionid, peer.clock.now())}

    @blueprint.post("/sandbox/wechat/group-entries")
    def group_entry() -> dict[str, str]:
        return _entered(peer, control_body())

    @blueprint.post("/sandbox/wechat/phone-codes")
    def phone_code() -> dict[str, str]:
        body = control_body()
        phone, openid = text_field(body, "phone"), body.get("openid")
        if not PHONE.fullmatch(phone) or not isinstance(openid, str | None):
            raise BadOrder("phone must be digits; openid a text")
        with peer.store.write() as connection:
            return {"code": users.new_phone_code(connection, phone, openid, peer.clock.now())}

    @blueprint.post("/sandbox/wechat/open-link")
    def open_link() -> dict[str, str] | tuple[dict[str, str], int]:
        with peer.store.read() as connection:
            url = text_field(control_body(), "url_link")
            place = codes.follow(connection, url, peer.clock.now())
        return place or ({"error": "the link has ended"}, 409)

    @blueprint.post("/sandbox/wechat/confirm-receipt")
    def confirm_receipt() -> dict[str, bool]:
        return {"confirmed": calls.confirm_receipt(text_field(control_body(), "transaction_id"))}
