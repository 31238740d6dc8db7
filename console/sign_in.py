"""Signing in to the console and out of it."""

from typing import Final, cast

from flask import (
    Response,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)

from console import asked, cookies, forgery
from console.door import OPEN, PREFIX, SIGNED_IN, address, make_room, may
from console.ports import keys, now, ports
from kit.crypto import new_token
from kit.errors import RateLimited
from kit.networks import network_of
from kit.ratelimit import LimiterUnavailable, LocalLimiter
from shop.operators import signing_in
from shop.operators.rules import LONGEST_STAY
from shop.operators.signing_in import Attempt

TRIES_PER_MINUTE: Final = 20  # of one network

blueprint = make_room("sign_in")


@blueprint.get("/sign-in")
@may(OPEN)
def show() -> Response:
    """Ask for name, password and code."""
    return _page(200)


@blueprint.post("/sign-in")
@may(OPEN)
def sign_in() -> Response:
    """Open a session; whatever was wrong, the answer is the same."""
    _count()
    attempt = Attempt(
        name=request.form.get("name", "")[:64],
        password=request.form.get("password", "")[:200],
        code=request.form.get("code", "")[:32],
        address=address(),
        request_id=g.get("request_id", ""),
        known_browser=cookies.read(cookies.KNOWN),
    )
    entry = signing_in.try_sign_in(ports().begin, attempt, keys=keys(), now=now())
    if entry is None:
        return _page(401, is_refused=True)
    response = make_response(redirect(_next(request.form.get("next", "")), code=303))
    cookies.give(response, cookies.SESSION, entry.token, seconds=int(LONGEST_STAY.total_seconds()))
    cookies.give(response, cookies.KNOWN, entry.known_browser, seconds=cookies.YEAR)
    cookies.take_back(response, cookies.DOOR)
    return response


@blueprint.post("/sign-out")
@may(SIGNED_IN)
def sign_out() -> Response:
    """End the session, here and on the server."""
    with ports().begin() as session:
        signing_in.sign_out(session, cookies.session(), keys=keys(), now=now())
    response = make_response(redirect(url_for("console_sign_in.show"), code=303))
    cookies.take_back(response, cookies.SESSION)
    return response


def _page(status: int, *, is_refused: bool = False) -> Response:
    door = cookies.door() or new_token()
    page = render_template(
        "console/sign_in.html",
        is_refused=is_refused,
        name=request.form.get("name", "")[:64],
        place=_next(request.values.get("next", "")),
        door_token=forgery.token_for(door),
    )
    response = make_response(page, status)
    if not cookies.door():
        cookies.give(response, cookies.DOOR, door)
    return response


def _next(place: str) -> str:
    """Return where to go, if that is a page of the console; else the first page."""
    parts = asked.split(place)
    is_ours = not parts.scheme and not parts.netloc and "\\" not in place
    inside = parts.path == PREFIX or parts.path.startswith(f"{PREFIX}/")
    return place if is_ours and inside and place.isprintable() else url_for("console_today.show")


def _count() -> None:
    key = f"console-sign-in:{network_of(address())}"
    try:
        verdict = ports().limiter.hit(key, most=TRIES_PER_MINUTE, window_seconds=60)
    except LimiterUnavailable:
        here = cast("LocalLimiter", current_app.extensions["console_limiter"])
        verdict = here.hit(key, most=TRIES_PER_MINUTE, window_seconds=60)
    if not verdict.allowed:
        raise RateLimited(retry_after_seconds=verdict.retry_after_seconds)
