"""What goes wrong, as pages: refusals of the shop, of the door, and outages."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from apiflask import APIBlueprint
from flask import Response, make_response, render_template, request
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from kit.errors import (
    Conflict,
    DomainError,
    Forbidden,
    Malformed,
    NotFound,
    RateLimited,
    Unauthenticated,
    Unavailable,
)

log = logging.getLogger(__name__)

STATUS_OF: Final[Mapping[type[DomainError], int]] = {
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Malformed: 422,
    RateLimited: 429,
    Unavailable: 503,
}
RETRY_AFTER_SECONDS: Final = 2
MOST_KEPT_BYTES: Final = 64 * 1024
# Never handed back in a page: what was typed there is typed again.
SECRET_FIELDS: Final = frozenset(
    {"csrf", "password", "again", "offer", "old", "new", "code", "robot_key"}
)
# Sent again as they are: nobody typed them.
HIDDEN_FIELDS: Final = frozenset({"form_key", "version", "do", "pick", "page", "query"})


def install(blueprint: APIBlueprint) -> None:
    """Answer every exception of the blueprint's views with a page."""
    blueprint.register_error_handler(DomainError, _show_refusal)
    blueprint.register_error_handler(HTTPException, _show_http)
    for outage in (OperationalError, InterfaceError, PoolTimeout):
        blueprint.register_error_handler(outage, _show_outage)
    blueprint.register_error_handler(Exception, _show_failure)


def status_of(refusal: DomainError) -> int:
    """Return the HTTP number of a refusal."""
    return next(number for kind, number in STATUS_OF.items() if isinstance(refusal, kind))


def show_again(status: int) -> Response:
    """Show what was typed into a form that arrived without a good session or token.

    Nothing of it is lost: after signing in in another tab the same button sends it again.
    """
    place = request.full_path.rstrip("?")
    return _page("console/again.html", status, typed=_typed(), place=place)


def show_conflict(kept: Mapping[str, str], **told: Any) -> Response:
    """Show that somebody else changed it meanwhile, with what was typed."""
    return _page("console/conflict.html", 409, kept=kept, place=request.path, **told)


def show_changed(kept: Mapping[str, str], **told: Any) -> Response:
    """Show how a thing stands that changed meanwhile, with what was typed."""
    return _page("console/changed.html", 409, kept=kept, place=request.path, **told)


def _show_refusal(refusal: DomainError) -> Response:
    status = status_of(refusal)
    log.info("refused", extra={"refusal": refusal.code, "status": status})
    response = _page(
        "console/refused.html",
        status,
        refusal=refusal,
        typed=_typed() if request.method == "POST" else [],
        hidden=HIDDEN_FIELDS | {name for name in request.form if name.endswith("_id")},
        place=request.full_path.rstrip("?"),
    )
    if status in (429, 503):
        wait = refusal.details.get("retry_after_seconds", RETRY_AFTER_SECONDS)
        response.headers["Retry-After"] = str(wait)
    return response


def _show_http(error: HTTPException) -> Response:
    status = error.code or 500
    log.info("refused", extra={"refusal": type(error).__name__, "status": status})
    response = _page("console/error.html", status, needs=getattr(error, "needs", None))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _show_outage(_error: Exception) -> Response:
    log.exception("the database does not serve")
    response = _page("console/error.html", 503, needs=None)
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _show_failure(_error: Exception) -> Response:
    log.exception("failed")
    return _page("console/error.html", 500, needs=None)


def _typed() -> list[tuple[str, str]]:
    """Return what was typed, without secrets; a stranger's file is not even read."""
    if (request.content_length or 0) > MOST_KEPT_BYTES:
        return []
    given = request.form.items(multi=True)
    return [(name, value) for name, value in given if name not in SECRET_FIELDS]


def _page(template: str, status: int, **told: Any) -> Response:
    return make_response(render_template(template, status=status, **told), status)
