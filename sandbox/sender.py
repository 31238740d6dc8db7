"""One HTTP request of a notice: connections kept per thread, five seconds, no redirects."""

import http.client
import threading
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

PATIENCE_SECONDS = 5.0
LONGEST_ANSWER = 65_536


@dataclass(frozen=True)
class Message:
    """A notice ready to post: byte-exact body and its headers."""

    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What the merchant said; `status` None when nothing came back."""

    status: int | None
    body: bytes
    outcome: str


class _Kept(threading.local):
    """The open connections of one thread, by scheme and address."""

    def __init__(self) -> None:
        self.connections: dict[tuple[str, str], http.client.HTTPConnection] = {}


_kept = _Kept()


def send(message: Message) -> Answer:
    """Post the message; a failure to connect or to answer in time is an Answer too."""
    parts = urlsplit(message.url)
    key = (parts.scheme, parts.netloc)
    kept = _kept.connections.pop(key, None)
    try:
        if kept is not None:
            try:
                return _post(kept, key, parts, message)
            except (http.client.HTTPException, ConnectionError):
                kept.close()  # the merchant had closed the idle connection
        return _post(_connect(parts), key, parts, message)
    except TimeoutError:
        return Answer(None, b"", "no answer in time")
    except (http.client.HTTPException, OSError, ValueError) as failure:
        return Answer(None, b"", f"not reached: {type(failure).__name__}")


def _post(
    connection: http.client.HTTPConnection,
    key: tuple[str, str],
    parts: SplitResult,
    message: Message,
) -> Answer:
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    is_done = False
    try:
        connection.request("POST", target, message.body, message.headers)
        response = connection.getresponse()
        body = response.read(LONGEST_ANSWER)
        is_done = response.isclosed() and not response.will_close
    finally:
        if is_done:
            _kept.connections[key] = connection
        else:
            connection.close()
    return Answer(response.status, body, "answered")


def _connect(parts: SplitResult) -> http.client.HTTPConnection:
    if parts.hostname is None:
        raise ValueError("the address names no host")
    if parts.scheme == "https":
        return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=PATIENCE_SECONDS)
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=PATIENCE_SECONDS)
