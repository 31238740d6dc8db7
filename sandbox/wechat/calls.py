"""The work behind each path of the simulated WeChat."""

import re
from typing import Any

from flask import Response, request

from sandbox.peer import Peer
from sandbox.wechat import codes, content, media, messages, shipping, tokens, users
from sandbox.wechat.answers import WechatError, posted_json

LOGINS_A_MINUTE = 100
CHECKS_A_MINUTE = 4000
MEDIA_A_MINUTE = 2000
CODES_A_MINUTE = 5000
LINKS_A_SECOND = 100
LINKS_A_DAY = 500_000


class Calls:
    """One method for each path; WechatError refuses."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._app_id = peer.credentials["wechat"]["app_id"]
        self._app_secret = peer.credentials["wechat"]["app_secret"]
        self._mch_id = peer.credentials["wechat_pay"]["mch_id"]

    def stable_token(self) -> dict[str, Any]:
        """`POST /cgi-bin/stable_token`."""
        body = posted_json()
        self._check_app(body, "client_credential")
        force = body.get("force_refresh", False)
        if not isinstance(force, bool):
            raise WechatError(47001)
        now = self._peer.clock.now()
        with self._peer.store.write() as connection:
            if not force:
                token, seconds = tokens.stable(connection, now)
            else:
                token, seconds = self._forced(connection, now)
        return {"access_token": token, "expires_in": seconds}

    def token(self) -> dict[str, Any]:
        """`GET /cgi-bin/token`."""
        self._check_app(request.args.to_dict(), "client_credential")
        with self._peer.store.write() as connection:
            token, seconds = tokens.plain(connection, self._peer.clock.now())
        return {"access_token": token, "expires_in": seconds}

    def code2session(self) -> dict[str, Any]:
        """`GET /sns/jscode2session`."""
        query = request.args.to_dict()
        self._check_app(query, "authorization_code")
        code = query.get("js_code")
        if not code:
            raise WechatError(41008)
        now = self._peer.clock.now()
        with self._peer.store.write() as connection:
            used = users.use_code(connection, code, "login", now)
            if isinstance(used, str):
                raise WechatError(40163 if used == "used" else 40029)
            self._check_rate(used["openid"])
            person = users.open_session(connection, used["openid"], code, now)
        answer = {"openid": person["openid"], "session_key": person["session_key"]}
        if person["unionid"]:
            answer["unionid"] = person["unionid"]
        return answer

    def phone(self) -> dict[str, Any]:
        """`POST /wxa/business/getuserphonenumber`."""
        body = self._authorised()
        code = body.get("code")
        if not isinstance(code, str) or not code:
            raise WechatError(41008)
        now = self._peer.clock.now()
        with self._peer.store.write() as connection:
            used = users.use_code(connection, code, "phone", now)
            if isinstance(used, str):
                raise WechatError(40029)
            if used["openid"] and body.get("openid", used["openid"]) != used["openid"]:
                raise WechatError(40003)
        number = re.sub(r"^\+?86(?=1[0-9]{10}$)", "", used["phone"])
        return {
            "errcode": 0,
            "errmsg": "ok",
            "phone_info": {
                "phoneNumber": number,
                "purePhoneNumber": number,
                "countryCode": "86",
                "watermark": {"timestamp": int(now.timestamp()), "appid": self._app_id},
            },
        }

    def upload_shipping(self) -> dict[str, Any]:
        """`POST /wxa/sec/order/upload_shipping_info`."""
        body = self._authorised()
        with self._peer.store.write() as connection:
            shipping.upload(
                connection,
                body,
                mch_id=self._mch_id,
                now=self._peer.clock.now(),
                visible_after_seconds=self._visible_after_seconds(),
            )
        return {"errcode": 0, "errmsg": "ok"}

    def get_order(self) -> dict[str, Any]:
        """`POST /wxa/sec/order/get_order`."""
        body = self._authorised()
        if body.get("transaction_id"):
            key = {"order_number_type": 2, "transaction_id": body["transaction_id"]}
        elif body.get("merchant_id") == self._mch_id and body.get("merchant_trade_no"):
            key = {"order_number_type": 1, "out_trade_no": body["merchant_trade_no"]}
        else:
            raise WechatError(268485194, "订单单号类型非法")
        with self._peer.store.read() as connection:
            order = shipping.find_order(
                connection, key, self._peer.clock.now(), self._visible_after_seconds()
            )
            shown = shipping.shown(connection, order, self._mch_id)
        return {"errcode": 0, "errmsg": "ok", "order": shown}

    def is_trade_managed(self) -> dict[str, Any]:
        """`POST /wxa/sec/order/is_trade_managed`."""
        if self._authorised().get("appid") != self._app_id:
            raise WechatError(40013)
        return {"errcode": 0, "errmsg": "ok", "is_trade_managed": True}

    def send_message(self) -> dict[str, Any]:
        """`POST /cgi-bin/message/subscribe/send`."""
        body = self._authorised()
        sensitive = self._peer.settings.get("wechat_risky_words")
        with self._peer.store.write() as connection:
            messages.send(connection, body, sensitive=sensitive, now=self._peer.clock.now())
        return {"errcode": 0, "errmsg": "ok"}

    def check_media(self) -> dict[str, Any]:
        """`POST /wxa/media_check_async`."""
        body = self._authorised()
        self._limit("wechat.media_check", MEDIA_A_MINUTE, 60.0, 45009)
        with self._peer.store.write() as connection:
            now = self._peer.clock.now()
            answer, notice_id = media.check(self._peer, connection, body, now)
        if notice_id is not None:
            self._peer.notices.wake(notice_id)
        return answer

    def check_text(self) -> dict[str, Any]:
        """`POST /wxa/msg_sec_check`."""
        body = self._authorised()
        settings, limits = self._peer.settings, self._peer.limits
        if settings.get("rate_limits") and not limits.allow("wechat.check", CHECKS_A_MINUTE, 60.0):
            raise WechatError(45011)
        with self._peer.store.read() as connection:
            return content.check(
                connection,
                body,
                risky=settings.get("wechat_risky_words"),
                review=settings.get("wechat_review_words"),
                now=self._peer.clock.now(),
            )

    def unlimited_code(self) -> Response:
        """`POST /wxa/getwxacodeunlimit`: a picture, or the JSON of a refusal."""
        body = self._authorised()
        self._limit("wechat.code", CODES_A_MINUTE, 60.0, 45009)
        picture = codes.picture(body, self._peer.settings.get("wechat_pages"))
        return Response(picture, content_type="image/png")

    def url_link(self) -> dict[str, Any]:
        """`POST /wxa/generate_urllink`."""
        body = self._authorised()
        self._limit("wechat.link", LINKS_A_SECOND, 1.0, 44990)
        self._limit("wechat.links", LINKS_A_DAY, 86_400.0, 44993)
        with self._peer.store.write() as connection:
            pages = self._peer.settings.get("wechat_pages")
            link = codes.make_link(connection, body, pages, self._peer.clock.now())
        return {"errcode": 0, "errmsg": "ok", "url_link": link}

    def confirm_receipt(self, transaction_id: str) -> bool:
        """The user confirms receipt in the order centre; False when nothing was shipped."""
        with self._peer.store.write() as connection:
            changed = connection.execute(
                "UPDATE wx_shipping SET is_confirmed = 1 WHERE transaction_id = ? AND is_finished",
                (transaction_id,),
            ).rowcount
        return bool(changed)

    def _authorised(self) -> dict[str, Any]:
        """The posted JSON of a call whose access_token is valid."""
        token = request.args.get("access_token")
        if not token:
            raise WechatError(41001)
        with self._peer.store.read() as connection:
            standing = tokens.standing(connection, token, self._peer.clock.now())
        if standing == "unknown":
            raise WechatError(40001)
        if standing == "expired":
            raise WechatError(42001)
        return posted_json()

    def _check_app(self, fields: dict[str, Any], grant_type: str) -> None:
        """Who calls: the app's id and secret, and the one grant type."""
        if not fields.get("appid"):
            raise WechatError(41002)
        if not fields.get("secret"):
            raise WechatError(41004)
        if fields["appid"] != self._app_id:
            raise WechatError(40013)
        if fields["secret"] != self._app_secret:
            raise WechatError(40125)
        if fields.get("grant_type") != grant_type:
            raise WechatError(40002)

    def _forced(self, connection: Any, now: Any) -> tuple[str, int]:
        try:
            return tokens.forced(connection, now, limited=self._peer.settings.get("rate_limits"))
        except tokens.ForcedTooOften as problem:
            raise WechatError(45009 if problem.per_day else 45011) from problem

    def _check_rate(self, openid: str) -> None:
        self._limit(f"wechat.login.{openid}", LOGINS_A_MINUTE, 60.0, 45011)

    def _limit(self, key: str, most: int, seconds: float, errcode: int) -> None:
        is_limited = self._peer.settings.get("rate_limits")
        if is_limited and not self._peer.limits.allow(key, most, seconds):
            raise WechatError(errcode)

    def _visible_after_seconds(self) -> float:
        return float(self._peer.settings.get("shipping_visible_after_seconds"))
