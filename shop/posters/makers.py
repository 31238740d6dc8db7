"""What the shop asks of a platform that makes codes and links for an invite, in its own words."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class CodeKind(StrEnum):
    """What a platform makes for an invite."""

    WECHAT_CODE = "wechat_code"  # 小程序码
    WECHAT_LINK = "wechat_link"  # URL Link: opens the mini-program from a browser
    ALIPAY_CODE = "alipay_code"


class MakerSilent(Exception):
    """The platform did not answer, or asked for patience; trying again later may help."""


class MakerRefused(Exception):
    """The platform refuses: a page that is not published, a right that we lack; ours to repair."""


@dataclass(frozen=True, slots=True)
class Made:
    """A picture or an address, and until when it is good; None: for ever."""

    picture: bytes | None = None  # as `drawing.picture_of_code` leaves it
    url: str | None = None
    ends_at: datetime | None = None


class CodeMaker(Protocol):
    """Makes one kind. Every call has a timeout and raises only the two exceptions above."""

    def make(self, *, invite_code: str, now: datetime) -> Made:
        """Return a code that leads to the page of this invite."""
        ...
