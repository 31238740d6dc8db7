"""WeChat looks at pictures (音视频内容安全识别): asked at once, told later by a message."""

import re
from collections.abc import Mapping
from typing import Any, Final

from kit.crypto import same
from kit.pushed_messages import MessageRejected
from kit.wechat import WechatApi, WechatRefused, WechatUnavailable
from shop.members.avatars import ImageVerdict
from shop.members.platforms import PictureUnseen, PlatformUnavailable

VERSION: Final = 2
IMAGE: Final = 2
PROFILE: Final = 1  # the scene: what people show of themselves
EVENT: Final = "wxa_media_check"
VERDICTS: Final[Mapping[object, ImageVerdict]] = {
    "pass": ImageVerdict.FIT,
    "review": ImageVerdict.UNFIT,
    "risky": ImageVerdict.UNFIT,
}
_TRACE_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,128}", re.ASCII)


class WechatImages:
    """`media_check_async` of WeChat; an `ImageCheck`."""

    def __init__(self, api: WechatApi) -> None:
        """Keep the client."""
        self._api = api

    @property
    def app_id(self) -> str:
        """The mini-program."""
        return self._api.app_id

    def ask(self, *, url: str, open_id: str) -> str:
        """Have a picture looked at, of somebody who was in the mini-program within two hours."""
        wish = {
            "media_url": url,
            "media_type": IMAGE,
            "version": VERSION,
            "scene": PROFILE,
            "openid": open_id,
        }
        try:
            answer = self._api.post("/wxa/media_check_async", wish)
        except WechatUnavailable as exc:
            raise PlatformUnavailable(str(exc)) from None
        except WechatRefused as exc:
            raise PictureUnseen(str(exc)) from None
        trace_id = str(answer.get("trace_id", ""))
        if not _TRACE_ID.fullmatch(trace_id):
            raise PlatformUnavailable("no trace_id in the answer")
        return trace_id


def read_verdict(told: Mapping[str, Any], *, app_id: str) -> tuple[str, ImageVerdict] | None:
    """Return the id of a question and the verdict, or None when a message is about something else.

    Raises `MessageRejected` for what has another form.
    """
    if (told.get("MsgType"), told.get("Event")) != ("event", EVENT):
        return None
    trace_id, result = str(told.get("trace_id", "")), told.get("result")
    if not same(str(told.get("appid", "")), app_id):
        raise MessageRejected("foreign_app_id")
    if not _TRACE_ID.fullmatch(trace_id):
        raise MessageRejected("malformed")
    if told.get("errcode") != 0:
        return trace_id, ImageVerdict.NOT_SEEN
    verdict = VERDICTS.get(result.get("suggest") if isinstance(result, dict) else None)
    if verdict is None:
        raise MessageRejected("malformed")
    return trace_id, verdict
