"""The web application called in this process, without a network in between."""

from collections.abc import Iterable
from time import perf_counter
from typing import Any

from apiflask import APIFlask
from werkzeug.test import EnvironBuilder

Prepared = dict[str, Any]


class Door:
    """Sends prepared requests to a WSGI application and takes the time of its whole answer."""

    def __init__(self, app: APIFlask) -> None:
        """Keep the application as a server would call it."""
        self._app = app.wsgi_app

    def seconds(self, request: Prepared, *, status: int) -> float:
        """Return how long the answer took; `AssertionError` unless it has this status."""
        environ = dict(request)
        environ["wsgi.input"] = _Body(request["bench.body"])
        told: list[str] = []

        def start(line: str, _headers: Any, _exc_info: Any = None) -> Any:
            told.append(line)

        started = perf_counter()
        body = self._app(environ, start)
        content = b"".join(body)
        took = perf_counter() - started
        _close(body)
        if not told[0].startswith(str(status)):
            raise AssertionError(f"{told[0]}: {content[:300].decode(errors='replace')}")
        return took


def prepare(
    method: str,
    path: str,
    *,
    token: str | None = None,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> Prepared:
    """Return a request that can be sent again and again."""
    sent = dict(headers or {})
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    builder = EnvironBuilder(path=path, method=method, headers=list(sent.items()), data=body)
    environ: Prepared = builder.get_environ()
    builder.close()
    environ["REMOTE_ADDR"] = "127.0.0.1"
    environ["bench.body"] = body
    return environ


class _Body:
    """A request's body, as a server hands it over."""

    def __init__(self, content: bytes) -> None:
        self._left = content

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        end = len(self._left) if size < 0 else size
        part, self._left = self._left[:end], self._left[end:]
        return part


def _close(body: Iterable[bytes]) -> None:
    close = getattr(body, "close", None)
    if close is not None:
        close()
