"""What every request passes: its id, its limits, its headers, its line in the log, its figures."""

import logging
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final

import structlog
from flask import Flask, Response, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from app import metrics
from app.bodies import limit_body
from kit.clock import monotonic_seconds

log = logging.getLogger(__name__)

REQUEST_ID: Final = "X-Request-Id"
_REQUEST_ID_FORM: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
UNROUTED: Final = "(none)"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"})

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
CONTENT_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
STRICT_TRANSPORT: Final = "max-age=31536000; includeSubDomains"


def install(app: Flask, *, trusted_proxies: int) -> None:
    """Hang these matters on the application; `trusted_proxies` of ours stand before it."""
    app.config["TRUSTED_PROXIES"] = trusted_proxies
    if trusted_proxies:
        # Whatever stands further left in the header was written by the client.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app,
            x_for=trusted_proxies,
            x_proto=trusted_proxies,
            x_host=0,
            x_port=0,
            x_prefix=0,
        )
    app.before_request(_begin)
    app.before_request(lambda: limit_body(request))
    app.after_request(_finish)


def _begin() -> None:
    g.started_at = monotonic_seconds()
    g.request_id = request_id_of(request.environ)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def request_id_of(environ: Mapping[str, Any]) -> str:
    """Take the id our own proxy gave, or make one; a client's would only muddle the records."""
    if "werkzeug.proxy_fix.orig" in environ:
        return read_request_id(environ.get("HTTP_X_REQUEST_ID", ""))
    return new_request_id()


def read_request_id(given: str) -> str:
    """Return the id a proxy of ours gave, or another when it is none."""
    return given if _REQUEST_ID_FORM.fullmatch(given) else new_request_id()


def new_request_id() -> str:
    """Return a fresh id."""
    return secrets.token_hex(12)


def _finish(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers[REQUEST_ID] = g.get("request_id", "")
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = STRICT_TRANSPORT
    _record(response)
    return response


def _record(response: Response) -> None:
    """Count and log the request by its route; neither the query nor an unknown path is written."""
    route = request.url_rule.rule if request.url_rule else UNROUTED
    # An invented method would be a new row in the figures for each invention.
    method = request.method if request.method in METHODS else "other"
    seconds = monotonic_seconds() - g.get("started_at", monotonic_seconds())
    metrics.REQUESTS.labels(method, route, str(response.status_code)).inc()
    metrics.SECONDS.labels(route).observe(seconds)
    log.info(
        "request",
        extra={
            "method": method,
            "route": route,
            "status": response.status_code,
            "milliseconds": round(seconds * 1000, 1),
        },
    )
