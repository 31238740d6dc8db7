"""Whether a write was meant by whoever is signed in: the origin of the request, and its token."""

from flask import request
from werkzeug.exceptions import Forbidden

from console import asked, cookies
from console.ports import instruments, keys
from kit.crypto import keyed_hash, same


class ForeignOrigin(Forbidden):
    """The request was made by a page of another site."""


def check_origin() -> None:
    """Raise `ForeignOrigin` when the browser tells that another site made the request."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise ForeignOrigin
    origin = request.headers.get("Origin")
    if origin is not None and origin not in _ours():
        raise ForeignOrigin


def token_for(cookie: str) -> str:
    """Return what forms carry; nobody can make it who does not hold the cookie and our key."""
    return keyed_hash(keys().hashing, b"csrf", cookie.encode()).hex() if cookie else ""


def is_token(given: str, cookie: str) -> bool:
    """Say whether a form's token belongs to the cookie."""
    return bool(cookie) and same(given, token_for(cookie))


def present_token() -> str:
    """Return the token for the forms of this answer."""
    return token_for(cookies.session() or cookies.door())


def _ours() -> set[str]:
    here = asked.split(request.host_url)
    return {f"{here.scheme}://{here.netloc}", instruments().origin}
