"""What every use of WeChat's login codes and watermarks has in common."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from kit.crypto import same
from kit.retry import try_again_once
from kit.wechat import WechatApi, WechatBusy, WechatRefused, WechatUnavailable
from shop.members.platforms import CodeRefused, PlatformUnavailable

FRESH_WITHIN: Final = timedelta(minutes=5)


def exchange_code(api: WechatApi, code: str) -> Mapping[str, Any]:
    """Exchange the code of `wx.login` for a session: `openid`, `session_key`, perhaps `unionid`.

    Raises `CodeRefused` or `PlatformUnavailable`.
    """
    params = {"js_code": code, "grant_type": "authorization_code"}
    try:
        return try_again_once(
            lambda: api.get_with_secret("/sns/jscode2session", params), on=(WechatBusy,)
        )
    except WechatUnavailable as exc:
        raise PlatformUnavailable(str(exc)) from None
    except WechatRefused as exc:
        raise CodeRefused(str(exc)) from None


def check_watermark(mark: object, *, app_id: str, now: datetime) -> None:
    """Raise `CodeRefused` unless it was made for us, and just now; nothing else tells."""
    if not isinstance(mark, dict) or not same(str(mark.get("appid", "")), app_id):
        raise CodeRefused("watermark of another application")
    stamp = mark.get("timestamp")
    if type(stamp) is not int or abs(now.timestamp() - stamp) > FRESH_WITHIN.total_seconds():
        raise CodeRefused("watermark not fresh")
