"""What WeChat's and WeCom's clients raise, said in the words of `gateway`."""

from collections.abc import Callable
from typing import Any, Final

from kit.wechat import WechatLimited, WechatRefused, WechatUnanswered, WechatUnavailable
from shop.outreach.gateway import (
    ChannelError,
    ChannelRefused,
    ChannelUnavailable,
    OutcomeUnknown,
    RateLimited,
)

# Windows of a minute are the shortest that these platforms count in; concurrency passes sooner.
WINDOW_SECONDS: Final = 60.0
MOMENT_SECONDS: Final = 2.0
TOO_MANY_AT_ONCE: Final = 45033

Call = Callable[[], Any]


def told(call: Call) -> Any:
    """Make a call that acts; raises `ChannelError` kinds only."""
    try:
        return call()
    except WechatUnanswered as exc:
        raise OutcomeUnknown(str(exc)) from None
    except (WechatUnavailable, WechatRefused) as exc:
        raise _failure(exc) from None


def asked(call: Call) -> Any:
    """Make a call that only reads, which may be repeated whatever became of it."""
    try:
        return told(call)
    except OutcomeUnknown as exc:
        raise ChannelUnavailable(str(exc)) from None


def _failure(exc: WechatUnavailable | WechatRefused) -> ChannelError:
    if isinstance(exc, WechatLimited):
        wait = MOMENT_SECONDS if exc.errcode == TOO_MANY_AT_ONCE else WINDOW_SECONDS
        return RateLimited(str(exc), retry_after=wait, code=str(exc.errcode))
    if isinstance(exc, WechatRefused):
        return ChannelRefused(str(exc), code=str(exc.errcode))
    return ChannelUnavailable(str(exc))
