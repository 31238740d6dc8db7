"""WeChat for members: who signs in, their phone number, and the report of a delivery."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from kit.clock import SHANGHAI
from kit.retry import try_again_once
from kit.wechat import WechatApi, WechatBusy, WechatRefused, WechatUnavailable
from shop.members.platforms import CodeRefused, Platform, PlatformIdentity, PlatformUnavailable
from shop.members.wechat_codes import check_watermark, exchange_code

log = logging.getLogger(__name__)

LONGEST_ITEM: Final = 120
VIRTUAL: Final = 3
UNIFIED: Final = 1
BY_MERCHANT_NUMBER: Final = 1
NOT_YET_VISIBLE: Final = 10060001
# Shipped, correction used up, not to be shipped any more (refunded), not managed, nothing new:
# whichever it is, there is nothing left to report.
NOTHING_LEFT: Final = frozenset({10060002, 10060003, 10060004, 10060012, 10060023})


class WechatMembers:
    """Sign-in and phone number of the mini-program; an `IdentityPlatform`."""

    def __init__(self, api: WechatApi) -> None:
        """Keep the client."""
        self._api = api

    @property
    def platform(self) -> Platform:
        """WeChat."""
        return Platform.WECHAT

    def identify(self, *, code: str) -> PlatformIdentity:
        """Exchange the code of `wx.login`; the session key is dropped here."""
        answer = exchange_code(self._api, code)
        open_id, union_id = answer.get("openid"), answer.get("unionid")
        if not isinstance(open_id, str) or not open_id:
            raise PlatformUnavailable("no openid in the answer")
        return PlatformIdentity(
            platform=Platform.WECHAT,
            app_id=self._api.app_id,
            open_id=open_id,
            union_id=union_id if isinstance(union_id, str) and union_id else None,
        )

    def phone_number(self, *, credential: str, now: datetime) -> str:
        """Exchange the code of the phone button; the watermark must be ours and fresh."""
        try:
            answer = try_again_once(
                lambda: self._api.post("/wxa/business/getuserphonenumber", {"code": credential}),
                on=(WechatBusy,),
            )
        except WechatUnavailable as exc:
            raise PlatformUnavailable(str(exc)) from None
        except WechatRefused as exc:
            raise CodeRefused(str(exc)) from None
        return _number_in(answer, app_id=self._api.app_id, now=now)


class WechatShippingDesk:
    """Reports virtual deliveries (发货信息管理); a `ShippingDesk`."""

    def __init__(self, api: WechatApi) -> None:
        """Keep the client."""
        self._api = api

    def report_delivery(
        self, *, merchant_id: str, out_trade_no: str, open_id: str, item: str, at: datetime
    ) -> None:
        """Report that a paid order was delivered without a parcel; repeating it is harmless."""
        report = {
            "order_key": {
                "order_number_type": BY_MERCHANT_NUMBER,
                "mchid": merchant_id,
                "out_trade_no": out_trade_no,
            },
            "logistics_type": VIRTUAL,
            "delivery_mode": UNIFIED,
            "shipping_list": [{"item_desc": item[:LONGEST_ITEM]}],
            "upload_time": at.astimezone(SHANGHAI).isoformat(timespec="milliseconds"),
            "payer": {"openid": open_id},
        }
        try:
            self._api.post("/wxa/sec/order/upload_shipping_info", report)
        except WechatUnavailable as exc:
            raise PlatformUnavailable(str(exc)) from None
        except WechatRefused as exc:
            if exc.errcode in NOTHING_LEFT:
                return
            if exc.errcode != NOT_YET_VISIBLE:
                log.warning("delivery report refused", extra={"errcode": exc.errcode})
            raise PlatformUnavailable(str(exc)) from None


def _number_in(answer: Mapping[str, Any], *, app_id: str, now: datetime) -> str:
    """Return the number with its country; `CodeRefused` for a foreign or stale watermark."""
    info = answer.get("phone_info")
    mark = info.get("watermark") if isinstance(info, dict) else None
    if not isinstance(info, dict) or not isinstance(mark, dict):
        raise PlatformUnavailable("no phone number in the answer")
    country, number = str(info.get("countryCode", "")), str(info.get("purePhoneNumber", ""))
    is_number = (country + number).isascii() and country.isdigit() and number.isdigit()
    if not is_number:
        raise PlatformUnavailable("no phone number in the answer")
    check_watermark(mark, app_id=app_id, now=now)
    return f"+{country}{number}"
