"""The page for people who follow a link that leads nowhere."""

from typing import Final

from flask import Response, request

from public_site.legal import Document, render_page

_PAGE: Final = Document("not_found.html", "页面不存在", "", "")
# Programs ask here; they get a problem, never a page.
_MACHINES_UNDER: Final = ("/v1/", "/callbacks/", "/metrics", "/healthz", "/readyz")


def wants_page() -> bool:
    """Say whether a person with a browser asks, away from the interfaces for programs."""
    if request.path.startswith(_MACHINES_UNDER):
        return False
    accept = request.accept_mimetypes
    return accept["text/html"] > accept["application/json"]


def show_not_found() -> Response:
    """Return the page."""
    return render_page(_PAGE, here="", status=404)
