"""Who asks: the bearer token of a request, and the member behind it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar, cast
from uuid import UUID

from flask import current_app, g, request

from flash_sale import tokens
from flash_sale.tokens import PurchaseToken
from kit.errors import Unauthenticated
from miniprogram_api import limits
from miniprogram_api.ports import ports
from shop.members import service as members
from shop.members.models import Member, SignIn
from shop.members.platforms import Platform
from shop.ports import Ports

# Exactly what `kit.crypto.new_token` makes: nothing else is worth a look into the database.
_BEARER: Final = re.compile(r"[Bb]earer ([A-Za-z0-9_-]{43})")
_PURCHASE: Final = re.compile(rf"[Bb]earer ([A-Za-z0-9_-]{{{tokens.CHARACTERS}}})")

View = TypeVar("View", bound=Callable[..., Any])


class SignInRequired(Unauthenticated):
    """There is no token, or it is unknown, ended or revoked; the answer is the same."""

    code = "sign_in_required"
    title = "Sign in first"
    message = "请先登录"


@dataclass(frozen=True, slots=True)
class Caller:
    """The member who asks, and the sign-in they use."""

    member: Member
    sign_in: SignIn

    @property
    def member_id(self) -> UUID:
        """Return the member's id."""
        return self.member.id

    @property
    def platform(self) -> Platform:
        """Return where the caller signed in."""
        return self.sign_in.platform


def open_to_all(view: View) -> View:
    """Mark a route as needing no sign-in; every other route under /v1 needs one."""
    view.__dict__["is_open_to_all"] = True
    return view


def guard() -> None:
    """Count the request and find out who asks, before anything else of it is looked at."""
    view = current_app.view_functions[str(request.endpoint)]
    limits.count_address(view)
    if getattr(view, "is_open_to_all", False):
        return
    if getattr(view, "takes_purchase_token", False) and find_purchase() is not None:
        limits.count_member(view, purchase().member_id)
        limits.count_device(view, purchase().device)
        return
    found = find_caller()
    if found is None:
        raise SignInRequired
    limits.count_member(view, found.member_id)


def takes_purchase_token(view: View) -> View:
    """Mark a route as taking a purchase token instead of a sign-in's."""
    view.__dict__["takes_purchase_token"] = True
    return view


def find_purchase() -> PurchaseToken | None:
    """Return what the request's purchase token says; None when it bears none; `BadToken`."""
    authorization = request.headers.get("Authorization", "")
    return read_purchase(authorization, key=ports().purchase_key, now=ports().clock())


def read_purchase(authorization: str, *, key: bytes, now: datetime) -> PurchaseToken | None:
    """Return what the purchase token of this header says; None when it is none; `BadToken`."""
    match = _PURCHASE.fullmatch(authorization)
    return None if match is None else tokens.read(match[1], key=key, now=now)


def purchase() -> PurchaseToken:
    """Return what the request's purchase token says; only where there is one."""
    found = find_purchase()
    if found is None:
        raise SignInRequired
    return found


def caller() -> Caller:
    """Return who asks; only on routes that need a sign-in."""
    return cast("Caller", g.caller)


def find_caller() -> Caller | None:
    """Return whose token the request bears, or None; asked once, in a transaction of its own."""
    if "caller" not in g:
        g.caller = look_up(ports(), request.headers.get("Authorization", ""))
    return cast("Caller | None", g.caller)


def look_up(outside: Ports, authorization: str) -> Caller | None:
    """Return whose sign-in token this header bears, or None; asks the database."""
    match = _BEARER.fullmatch(authorization)
    if match is None:
        return None
    with outside.begin() as session:
        found = members.find_sign_in(
            session, match[1], token_hash_key=outside.token_hash_key, now=outside.clock()
        )
    return Caller(*found) if found is not None else None
