"""Where the client runs, which decides what may be sold to it."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from flask import request

from kit.errors import Malformed
from miniprogram_api.auth import find_caller
from shop.catalog.models import SaleChannel
from shop.members.platforms import Platform

HEADER: Final = "X-Client-Channel"

# WeChat on iOS has rules of its own for virtual goods, so a client there must say so.
_BY_PLATFORM: Final = {
    Platform.WECHAT: SaleChannel.WEAPP_ANDROID,
    Platform.ALIPAY: SaleChannel.ALIPAY,
}

View = TypeVar("View", bound=Callable[..., Any])


class UnknownClientChannel(Malformed):
    """The header names no place where we sell."""

    code = "unknown_client_channel"
    title = "X-Client-Channel is none of weapp_ios, weapp_android, alipay, h5"
    message = "客户端类型无法识别"


def takes_client_channel(view: View) -> View:
    """Mark a route as minding the header, for the OpenAPI document."""
    view.__dict__["takes_client_channel"] = True
    return view


def client_channel() -> SaleChannel:
    """Return the channel of the header, else of the sign-in, else H5; `UnknownClientChannel`."""
    named = request.headers.get(HEADER)
    found = find_caller() if named is None else None
    return read_channel(named, platform=None if found is None else found.platform)


def read_channel(named: str | None, *, platform: Platform | None) -> SaleChannel:
    """Return the channel of the header's text, else of the platform; `UnknownClientChannel`."""
    if named is None:
        return _BY_PLATFORM[platform] if platform is not None else SaleChannel.H5
    try:
        return SaleChannel(named)
    except ValueError as exc:
        raise UnknownClientChannel from exc
