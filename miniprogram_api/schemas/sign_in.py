"""Signing in and out."""

from pydantic import Field

from miniprogram_api.schemas.answers import Given, Moment, Sent
from miniprogram_api.schemas.me import MeOut
from shop.members.platforms import Platform


class SignInIn(Sent):
    """A one-time code of the platform (`wx.login`, `my.getAuthCode`)."""

    platform: Platform
    code: str = Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")
    device_id: str | None = Field(
        default=None,
        min_length=8,
        max_length=128,
        pattern=r"^[0-9A-Za-z_.-]+$",
        description="What the client calls this device, the same each time; kept as a hash only.",
    )
    invite_code: str | None = Field(
        default=None,
        max_length=32,
        pattern=r"^[0-9A-Za-z]+$",
        description="Of the invite I came by; an unknown one changes nothing.",
    )


class SignInOut(Given):
    """A bearer token, and whose it is; the token is told this once."""

    token: str
    expires_at: Moment
    member: MeOut
