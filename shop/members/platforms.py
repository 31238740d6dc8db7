"""What the shop asks of a platform about the person who signs in, in the shop's own words."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Platform(StrEnum):
    """Where a member signs in."""

    WECHAT = "wechat"
    ALIPAY = "alipay"


class PlatformUnavailable(Exception):
    """The platform did not answer, or asked for patience; trying again later may help."""


class CodeRefused(Exception):
    """The platform refused the code: unknown, used, expired or of another application."""


@dataclass(frozen=True, slots=True)
class PlatformIdentity:
    """Who a sign-in code stands for. The platform's session key stays out of it."""

    platform: Platform
    app_id: str
    open_id: str
    union_id: str | None


class IdentityPlatform(Protocol):
    """One platform's sign-in. Every call has a timeout and raises only the two exceptions above."""

    @property
    def platform(self) -> Platform:
        """Which platform this is."""
        ...

    def identify(self, *, code: str) -> PlatformIdentity:
        """Exchange a one-time sign-in code for the identity behind it."""
        ...

    def phone_number(self, *, credential: str, now: datetime) -> str:
        """Return the verified phone number, digits with country code ("+8613800138000").

        `credential` is WeChat's one-time phone code, or Alipay's encrypted and signed response
        as the JSON text that `my.getPhoneNumber` gave.
        """
        ...


@dataclass(frozen=True, slots=True)
class GroupEntry:
    """Who came from which chat group, by the platform's word."""

    open_id: str
    opengid: str  # what our mini-program calls the group


class GroupDoor(Protocol):
    """A platform whose chat groups people come from; every call has a timeout."""

    def open(self, *, code: str, sealed: str, iv: str, now: datetime) -> GroupEntry:
        """Return what the platform sealed for our server, by a one-time sign-in code.

        Raises `CodeRefused` or `PlatformUnavailable`.
        """
        ...


class PictureUnseen(Exception):
    """The platform does not look at this picture: it was refused, or the member is away."""


class ImageCheck(Protocol):
    """A platform that looks at pictures which others will see, and tells later what it found."""

    @property
    def app_id(self) -> str:
        """The mini-program whose members' pictures it looks at."""
        ...

    def ask(self, *, url: str, open_id: str) -> str:
        """Have a picture looked at; return the id by which the verdict will be told.

        Raises `PlatformUnavailable` or `PictureUnseen`.
        """
        ...


class ShippingDesk(Protocol):
    """Where the delivery of a paid WeChat order is reported (发货信息管理)."""

    def report_delivery(
        self, *, merchant_id: str, out_trade_no: str, open_id: str, item: str, at: datetime
    ) -> None:
        """Report a virtual delivery, harmlessly repeatable; `PlatformUnavailable`: try later."""
        ...
