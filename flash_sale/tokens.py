"""Purchase tokens: short-lived proof of who may claim what, checked without asking anybody.

Version, flags, campaign, member, sign-in and expiry in a fixed layout, then a keyed BLAKE2b; all
of it in URL-safe base64, 86 characters. A claim lane checks one in a few microseconds.
"""

import base64
import binascii
import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple
from uuid import UUID

from kit.errors import Conflict

CHARACTERS: Final = 86
LONGEST: Final = timedelta(minutes=10)
_VERSION: Final = 1
_MAC_BYTES: Final = 16
_EARLY: Final = 1
# Version, flags, channel, campaign, member, the sign-in's last bytes, seconds since 1970.
_LAYOUT: Final = Struct(">BBB16s16s9sI")
_MOST_SECONDS: Final = 2**32 - 1
# The last character has four bits to spare, which are 0: no token has a second spelling.
_FORM: Final = re.compile(rf"[A-Za-z0-9_-]{{{CHARACTERS - 1}}}[AQgw]")


class BadToken(Conflict):
    """The token is not one of ours, or its time is over; the answer is the same."""

    code = "flash_sale.bad_token"
    title = "Ask for a new purchase token"
    message = "抢购资格已失效，请刷新页面"


class PurchaseToken(NamedTuple):
    """Who may claim, in which campaign, until when."""

    campaign_id: UUID
    member_id: UUID
    device: bytes  # what tells the sign-ins of a member apart, nine bytes
    channel: int  # place of the sale channel in their list
    is_early: bool
    expires_at: datetime


def device_of(sign_in_id: UUID) -> bytes:
    """Return what is kept of a sign-in: its random part, enough to tell devices apart."""
    return sign_in_id.bytes[-9:]


def issue(token: PurchaseToken, *, key: bytes) -> str:
    """Return the token as text."""
    packed = _LAYOUT.pack(
        _VERSION,
        _EARLY if token.is_early else 0,
        token.channel,
        token.campaign_id.bytes,
        token.member_id.bytes,
        token.device,
        min(int(token.expires_at.timestamp()), _MOST_SECONDS),
    )
    return _text(packed + _mac(packed, key))


def read(text: str, *, key: bytes, now: datetime) -> PurchaseToken:
    """Return what a token says; raises `BadToken`."""
    if _FORM.fullmatch(text) is None:
        raise BadToken
    raw = binascii.a2b_base64(text.replace("-", "+").replace("_", "/") + "==")
    packed, mac = raw[: _LAYOUT.size], raw[_LAYOUT.size :]
    if not hmac.compare_digest(mac, _mac(packed, key)):
        raise BadToken
    version, flags, channel, campaign, member, device, seconds = _LAYOUT.unpack(packed)
    expires_at = datetime.fromtimestamp(seconds, UTC)
    if version != _VERSION or now >= expires_at:
        raise BadToken
    return PurchaseToken(
        campaign_id=UUID(bytes=campaign),
        member_id=UUID(bytes=member),
        device=device,
        channel=channel,
        is_early=bool(flags & _EARLY),
        expires_at=expires_at,
    )


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _mac(packed: bytes, key: bytes) -> bytes:
    keyed = _keyed(key).copy()
    keyed.update(packed)
    return keyed.digest()


@lru_cache(maxsize=4)
def _keyed(key: bytes) -> "hashlib.blake2b":
    """Return the hash that has taken in the key, and so done half of its work."""
    return hashlib.blake2b(digest_size=_MAC_BYTES, key=key, person=b"tuanka/claim")
