"""A request as the lane reads it: the few headers that matter, and a body that is a claim."""

import itertools
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

from werkzeug.http import parse_list_header, parse_options_header

from app.bodies import MOST_BODY_BYTES, MalformedBody, read_json
from app.http import is_request_id, new_request_id
from app.problem_words import prefers_english
from kit.networks import network_of
from miniprogram_api.schemas.flash_sales import ClaimIn

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Scope = MutableMapping[str, Any]

_READ: Final = frozenset(
    {
        b"accept-language",
        b"authorization",
        b"content-length",
        b"content-type",
        b"idempotency-key",
        b"transfer-encoding",
        b"x-client-channel",
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"x-request-id",
    }
)
MOST_REMEMBERED_BYTES: Final = 200
# Ids of requests need be none that nobody could guess; asking the kernel for each costs more.
_IDS_BEGIN: Final = new_request_id()[:16]
_IDS: Final = itertools.count()


class NotServed(Exception):
    """The request is refused before anybody looks at what it wants; `says` is the status."""

    def __init__(self, status: HTTPStatus) -> None:
        """Keep the status."""
        super().__init__(status.phrase)
        self.says = status


@dataclass(slots=True)  # frozen ones take three times as long to make
class Asked:
    """What a request says of itself; texts are empty when they are not there."""

    headers: dict[bytes, str]
    network: str
    is_secure: bool
    request_id: str

    def get(self, name: bytes) -> str:
        """Return a header."""
        return self.headers.get(name, "")

    @property
    def wants_english(self) -> bool:
        """Say whether the client prefers English."""
        return prefers_english(self.get(b"accept-language"))


def read_request(scope: Scope, *, trusted_proxies: int) -> Asked:
    """Read the headers; `trusted_proxies` of ours stand before the lane and have added theirs."""
    headers: dict[bytes, str] = {}
    for name, value in scope["headers"]:
        if name in headers:
            headers[name] += "," + value.decode("latin-1")
        elif name in _READ:
            headers[name] = value.decode("latin-1")
    client = scope.get("client")
    address = client[0] if client else ""
    scheme = scope.get("scheme", "http")
    request_id = f"{_IDS_BEGIN}{next(_IDS):08x}"
    if trusted_proxies == 0:
        return Asked(headers, network_of(address), scheme == "https", request_id)
    address = _told(headers.get(b"x-forwarded-for", ""), trusted_proxies) or address
    scheme = _told(headers.get(b"x-forwarded-proto", ""), trusted_proxies) or scheme
    given = headers.get(b"x-request-id", "")
    if is_request_id(given):
        request_id = given
    return Asked(headers, network_of(address), scheme == "https", request_id)


def claim_of(asked: Asked, body: bytes) -> ClaimIn:
    """Read a claim; raises `NotServed`, `MalformedBody` or pydantic's `ValidationError`."""
    if len(body) <= MOST_REMEMBERED_BYTES:
        return _remembered_claim(asked.get(b"content-type"), body)
    return _claim_of(asked.get(b"content-type"), body)


async def read_body(asked: Asked, receive: Receive) -> bytes:
    """Read the whole body; raises `NotServed` when it is too large, or does not come."""
    length = asked.get(b"content-length")
    if length.isdecimal() and int(length) > MOST_BODY_BYTES:
        raise NotServed(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    if length in ("", "0") and not asked.get(b"transfer-encoding"):
        return b""
    body, is_whole = b"", False
    while not is_whole:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise NotServed(HTTPStatus.BAD_REQUEST)
        body += message.get("body", b"")
        is_whole = not message.get("more_body", False)
        if len(body) > MOST_BODY_BYTES:
            raise NotServed(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return body


def _claim_of(content_type: str, body: bytes) -> ClaimIn:
    kind = parse_options_header(content_type)[0].lower()
    if not kind and not body:
        return ClaimIn()
    is_json = kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )
    if not is_json:
        raise NotServed(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    try:
        content = read_json(body)
    except ValueError as exc:
        raise MalformedBody from exc
    if not isinstance(content, dict):
        raise MalformedBody
    return ClaimIn.model_validate(content)


# In a rush, nearly all say the same.
_remembered_claim = lru_cache(maxsize=1024)(_claim_of)


def _told(listed: str, by: int) -> str:
    """Return what the outermost of our proxies told; what stands further left the client wrote."""
    values = parse_list_header(listed)
    return values[-by] if len(values) >= by else ""
