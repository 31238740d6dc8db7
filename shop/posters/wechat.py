"""WeChat for invites: unlimited mini-program codes, and URL links for browsers."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, TypeVar

from kit.retry import try_again_once
from kit.wechat import WechatApi, WechatBusy, WechatRefused, WechatUnavailable
from shop.posters.drawing import picture_of_code
from shop.posters.makers import Made, MakerRefused, MakerSilent

CODE: Final = "/wxa/getwxacodeunlimit"
LINK: Final = "/wxa/generate_urllink"
CODE_WIDTH: Final = 430
BY_DAYS: Final = 1
LINK_DAYS: Final = 30  # the longest there is
# How often is counted in words of these calls alone.
LIMITED: Final = frozenset({44990, 44993})
# The address is shown as a link: only what WeChat gives out may stand there.
_LINK_FORM: Final = re.compile(r"https://(wxaurl|wxmpurl)\.cn/[0-9A-Za-z_-]{1,64}", re.ASCII)

_Answer = TypeVar("_Answer")


class WechatCodes:
    """Mini-program codes (小程序码); a `CodeMaker`."""

    def __init__(self, api: WechatApi, *, page: str) -> None:
        """Keep the client and the page that invites lead to."""
        self._api = api
        self._page = page

    def make(self, *, invite_code: str, now: datetime) -> Made:
        """Return the picture of a code whose scene is the invite's code."""
        wish = {
            "scene": invite_code,
            "page": self._page,
            "check_path": True,
            "width": CODE_WIDTH,
            "env_version": "release",
        }
        raw = _asked(lambda: self._api.post_for_file(CODE, wish))
        try:
            return Made(picture=picture_of_code(raw))
        except ValueError as exc:
            raise MakerSilent(str(exc)) from None


class WechatLinks:
    """URL links; a `CodeMaker`."""

    def __init__(self, api: WechatApi, *, page: str) -> None:
        """Keep the client and the page that invites lead to."""
        self._api = api
        self._page = page

    def make(self, *, invite_code: str, now: datetime) -> Made:
        """Return an address that opens the mini-program."""
        wish = {
            "path": self._page,
            "query": f"scene={invite_code}",
            "expire_type": BY_DAYS,
            "expire_interval": LINK_DAYS,
            "env_version": "release",
        }
        url = _asked(lambda: self._api.post(LINK, wish)).get("url_link")
        if not isinstance(url, str) or not _LINK_FORM.fullmatch(url):
            raise MakerSilent("no link in the answer")
        return Made(url=url, ends_at=now + timedelta(days=LINK_DAYS))


def _asked(call: Callable[[], _Answer]) -> _Answer:
    try:
        return try_again_once(call, on=(WechatBusy,))
    except WechatUnavailable as exc:
        raise MakerSilent(str(exc)) from None
    except WechatRefused as exc:
        if exc.errcode in LIMITED:
            raise MakerSilent(str(exc)) from None
        raise MakerRefused(str(exc)) from None
