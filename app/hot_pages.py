"""Share pages that go round, answered before Flask from what this process has just shown.

Such a look is counted for the invite, and for its address in this process alone; it is not
written to the log. Every other, and the first of each moment, goes the whole way.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, cast

from apiflask import APIFlask
from werkzeug.http import parse_etags

from app import metrics
from app.http import HEADERS, REQUEST_ID, STRICT_TRANSPORT, request_id_of
from kit.clock import monotonic_seconds
from kit.networks import network_of
from miniprogram_api.limits import WINDOW_SECONDS
from public_site.board import Page, ShareBoard
from public_site.share import page_headers
from shop.referral.rules import CODE_CHARACTERS

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]

PREFIX: Final = "/s/"
PATH_CHARACTERS: Final = len(PREFIX) + CODE_CHARACTERS
ROUTE: Final = "/s/<code>"
MOST_COUNTED: Final = 100_000
_ALWAYS: Final = list(HEADERS.items())
_COUNTS: Final = {
    status: metrics.REQUESTS.labels("GET", ROUTE, str(status)) for status in (200, 304)
}


class Counting:
    """Looks per network in the present minute."""

    def __init__(self, most: int) -> None:
        """Start with nothing counted."""
        self._most = most
        self._window = -1
        self._counts: dict[str, int] = {}

    def is_within(self, network: str) -> bool:
        """Count one look, and say whether the network may have it here."""
        window = int(monotonic_seconds() / WINDOW_SECONDS)
        if window != self._window:
            self._window, self._counts = window, {}
        count = self._counts.get(network, 0) + 1
        if count > self._most or (count == 1 and len(self._counts) >= MOST_COUNTED):
            return False
        self._counts[network] = count
        return True


def install(app: APIFlask, *, most_a_minute: int) -> None:
    """Put it before the application; a network that asks more often goes the whole way."""
    whole_way = app.wsgi_app
    counting = Counting(most_a_minute)

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        page = _kept(app, environ) if _may_be_hot(environ) else None
        if page is None or not counting.is_within(network_of(environ.get("REMOTE_ADDR", ""))):
            return whole_way(environ, start_response)
        return _answer(app, page, environ, start_response)

    app.wsgi_app = serve  # type: ignore[method-assign] # it is Flask's own way to put something before it


def _may_be_hot(environ: dict[str, Any]) -> bool:
    path: str = environ["PATH_INFO"]
    return (
        len(path) == PATH_CHARACTERS
        and path.startswith(PREFIX)
        and environ["REQUEST_METHOD"] == "GET"
        and environ.get("CONTENT_LENGTH") in (None, "", "0")
        and "HTTP_TRANSFER_ENCODING" not in environ
    )


def _kept(app: APIFlask, environ: dict[str, Any]) -> Page | None:
    board = cast("ShareBoard | None", app.extensions.get("share_board"))
    return None if board is None else board.peek(environ["PATH_INFO"][len(PREFIX) :])


def _answer(
    app: APIFlask, page: Page, environ: dict[str, Any], start_response: Any
) -> Iterable[bytes]:
    headers = [*_ALWAYS, *page_headers(page.etag).items(), (REQUEST_ID, request_id_of(environ))]
    if environ.get("wsgi.url_scheme") == "https":
        headers.append(("Strict-Transport-Security", STRICT_TRANSPORT))
    asked = environ.get("HTTP_IF_NONE_MATCH")
    if asked and parse_etags(asked).contains_weak(page.etag):
        _COUNTS[304].inc()
        start_response("304 NOT MODIFIED", headers)
        return []
    board: ShareBoard = app.extensions["share_board"]
    board.note_look(environ["PATH_INFO"][len(PREFIX) :])
    headers.append(("Content-Type", "text/html; charset=utf-8"))
    headers.append(("Content-Length", str(len(page.body))))
    _COUNTS[200].inc()
    start_response("200 OK", headers)
    return [page.body]
