"""HTTP to the outside: kept-alive connections, one deadline, a size limit, no proxies by env."""

import logging
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError

from kit.clock import monotonic_seconds

CONNECT_SECONDS: Final = 3.0
POOL_SIZE: Final = 32
CHUNK_BYTES: Final = 65_536
MOST_BYTES: Final = 64 * 1024 * 1024

# At DEBUG urllib3 writes whole URLs, and WeChat wants an application secret in one.
logging.getLogger("urllib3").setLevel(logging.INFO)


class Unreachable(Exception):
    """No whole answer came in time. The message names the kind of failure, never the URL."""


class NotConnected(Unreachable):
    """No connection came about, so nothing was sent: the call was surely not heard."""


class OutboundSession(requests.Session):
    """A `requests.Session` whose every request ends by a deadline, whoever makes it.

    The time limit holds for libraries too that ask without one. Redirects are not followed,
    cookies not kept, `http_proxy` and its like not read. Safe to share between threads.
    """

    def __init__(self, *, timeout_seconds: float, most_bytes: int = MOST_BYTES) -> None:
        """Set the time an answer may take as a whole, in seconds, and its size in bytes."""
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # What is not compressed on the way cannot be a bomb on the way.
        self.headers.update({"Accept-Encoding": "identity"})
        self._timeout_seconds = timeout_seconds
        self._most_bytes = most_bytes
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=POOL_SIZE, max_retries=0)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def request(
        self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Ask and read the whole answer; raises `Unreachable` when it does not come in time.

        It is `NotConnected` when the request cannot even have left.
        """
        kwargs["timeout"] = (min(CONNECT_SECONDS, self._timeout_seconds), self._timeout_seconds)
        kwargs["allow_redirects"] = False
        kwargs["stream"] = True
        ends_at = monotonic_seconds() + self._timeout_seconds
        try:
            response = super().request(method, url, *args, **kwargs)
            with response:
                _read(response, self._most_bytes, ends_at)
        except (requests.RequestException, HTTPError, OSError) as exc:
            # The failure's own text holds the URL, and some URLs hold secrets.
            kind = NotConnected if _never_connected(exc) else Unreachable
            raise kind(type(exc).__name__) from None
        return response


def header(headers: Mapping[str, str], name: str) -> str:
    """Return a header whatever its letters' case, or ""."""
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), "")


def _never_connected(failure: Exception) -> bool:
    """Tell whether the connection itself failed; a kept one that breaks may have been used."""
    if isinstance(failure, requests.ConnectTimeout):
        return True
    cause = failure.args[0] if failure.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)


def _read(response: requests.Response, most_bytes: int, ends_at: float) -> None:
    """Take the body in; a peer that sends drop by drop is cut off at the deadline."""
    parts: list[bytes] = []
    size = 0
    while part := response.raw.read1(CHUNK_BYTES, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > most_bytes:
            raise requests.exceptions.ContentDecodingError("too large")
        if monotonic_seconds() > ends_at:
            raise requests.exceptions.ReadTimeout("too slow")
    response._content = b"".join(parts)  # what `response.content` gives from now on
