"""The console's cookies: the session, the door before it, a known browser, likings."""

from typing import Final

from flask import Response, request

from console.ports import instruments

SESSION: Final = "console"
DOOR: Final = "console-door"
KNOWN: Final = "console-known"  # an operator signed in here before: strangers cannot lock it out
LANGUAGE: Final = "console-language"
LOOK: Final = "console-look"
DONE: Final = "console-done"  # what was just done, while it may be undone
YEAR: Final = 365 * 86_400


def session() -> str:
    """Return the token of the session, or nothing."""
    return request.cookies.get(_name(SESSION), "")


def door() -> str:
    """Return what somebody was given who has not signed in, or nothing."""
    return request.cookies.get(_name(DOOR), "")


def give(response: Response, name: str, value: str, *, seconds: int | None = None) -> None:
    """Set a cookie that scripts cannot read and other sites cannot send."""
    response.set_cookie(
        _name(name),
        value,
        max_age=seconds,
        path="/console",
        secure=instruments().is_secure,
        httponly=True,
        samesite="Strict",
    )


def take_back(response: Response, name: str) -> None:
    """Remove a cookie."""
    response.delete_cookie(
        _name(name), path="/console", secure=instruments().is_secure, samesite="Strict"
    )


def read(name: str) -> str:
    """Return a cookie's value, or nothing."""
    return request.cookies.get(_name(name), "")


def _name(name: str) -> str:
    # A browser takes such a name over https alone, whoever sets it.
    return f"__Secure-{name}" if instruments().is_secure else name
