"""Reads of a hot group, answered before Flask from what this process has just shown of it.

A group that a whole chat group looks at is asked for many times within the quarter of a second
for which its text is kept here. Such a read is neither counted for its address nor written to
the log, either of which costs more than the answer; the figures count it. Every other read, and
the first of each quarter of a second, goes the whole way.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, cast
from uuid import UUID

from apiflask import APIFlask
from werkzeug.http import parse_etags

from app import metrics
from app.http import CONTENT_POLICY, HEADERS, REQUEST_ID, STRICT_TRANSPORT, request_id_of
from group_buy.progress import ProgressBoard
from miniprogram_api.pages import ETAG_CHARACTERS, kept_body, kept_headers
from shop.ports import Ports

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]

PREFIX: Final = "/v1/groups/"
PATH_CHARACTERS: Final = len(PREFIX) + 36
ROUTE: Final = "/v1/groups/<uuid:group_id>"
_ALWAYS: Final = [*HEADERS.items(), ("Content-Security-Policy", CONTENT_POLICY)]
_COUNTS: Final = {
    status: metrics.REQUESTS.labels("GET", ROUTE, str(status)) for status in (200, 304)
}


def install(app: APIFlask) -> None:
    """Put it before the application; what it needs is there when the first request comes."""
    whole_way = app.wsgi_app

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        kept = _kept(app, environ) if _may_be_hot(environ) else None
        if kept is None:
            return whole_way(environ, start_response)
        return _answer(app, kept, environ, start_response)

    app.wsgi_app = serve  # type: ignore[method-assign] # it is Flask's own way to put something before it


def _may_be_hot(environ: dict[str, Any]) -> bool:
    path: str = environ["PATH_INFO"]
    return (
        len(path) == PATH_CHARACTERS
        and path.startswith(PREFIX)
        and environ["REQUEST_METHOD"] == "GET"
        and not environ.get("QUERY_STRING")
        and environ.get("CONTENT_LENGTH") in (None, "", "0")
        and "HTTP_TRANSFER_ENCODING" not in environ
    )


def _kept(app: APIFlask, environ: dict[str, Any]) -> str | None:
    text = environ["PATH_INFO"][len(PREFIX) :]
    try:
        group_id = UUID(text)
    except ValueError:
        return None
    board = cast("ProgressBoard | None", app.extensions.get("progress"))
    return board.peek(group_id) if board is not None and str(group_id) == text else None


def _answer(
    app: APIFlask, kept: str, environ: dict[str, Any], start_response: Any
) -> Iterable[bytes]:
    etag = kept[:ETAG_CHARACTERS]
    headers = [*_ALWAYS, *kept_headers(etag).items(), (REQUEST_ID, request_id_of(environ))]
    if environ.get("wsgi.url_scheme") == "https":
        headers.append(("Strict-Transport-Security", STRICT_TRANSPORT))
    asked = environ.get("HTTP_IF_NONE_MATCH")
    if asked and parse_etags(asked).contains_weak(etag):
        _COUNTS[304].inc()
        start_response("304 NOT MODIFIED", headers)
        return []
    ports: Ports = app.extensions["ports"]
    body = kept_body(kept, server_time=ports.clock()).encode()
    headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    _COUNTS[200].inc()
    start_response("200 OK", headers)
    return [body]
