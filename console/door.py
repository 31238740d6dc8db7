"""The console's door: who asks, whether they may, and whether the request is meant by them.

Every room of the console is a blueprint made here. A view without `may` serves nobody.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from apiflask import APIBlueprint
from flask import Response, current_app, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest, Forbidden

from console import asked, cookies, forgery, refusals
from console.ports import keys, now, ports
from shop.operators import queries, signing_in
from shop.operators.deeds import Doer
from shop.operators.models import Operator, OperatorStatus
from shop.operators.rules import Permission, permissions_of

PREFIX: Final = "/console"
OPEN: Final = "open"  # to everybody: signing in, and what pages are made of
SIGNED_IN: Final = "signed in"  # to every operator
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)

# What somebody sees who must renew their credentials first.
BEFORE_RENEWAL: Final = frozenset(
    {
        "console_renewal.show",
        "console_renewal.renew",
        "console_sign_in.sign_out",
        "console_account.choose",
    }
)

View = TypeVar("View", bound=Callable[..., Any])


class NotAllowed(Forbidden):
    """The operator's roles do not allow it."""

    def __init__(self, needs: Permission) -> None:
        """Keep which permission it was."""
        super().__init__()
        self.needs = needs


def make_room(name: str) -> APIBlueprint:
    """Return a blueprint whose every view is behind the guard."""
    blueprint = APIBlueprint(
        f"console_{name}",
        "console",
        url_prefix=PREFIX,
        template_folder="templates",
        enable_openapi=False,
    )
    blueprint.before_request(guard)
    blueprint.after_request(dress)
    refusals.install(blueprint)
    return blueprint


def may(needs: Permission | str) -> Callable[[View], View]:
    """Say what a view asks for: a permission, `SIGNED_IN` or `OPEN`."""

    def mark(view: View) -> View:
        view.__dict__["needs"] = needs
        return view

    return mark


def needs_of(endpoint: str) -> Permission | str | None:
    """Return what the view of an endpoint asks for; None: nobody thought of it."""
    return getattr(current_app.view_functions[endpoint], "needs", None)


def guard() -> Any:
    """Let nobody through to whom the view is not open; answer for it, or return None."""
    g.operator = None
    needs = needs_of(str(request.endpoint))
    is_write = request.method not in ("GET", "HEAD")
    _check_address()
    if is_write:
        forgery.check_origin()
    if needs == OPEN:
        return _check_door() if is_write else None
    g.operator = _find_operator()
    if g.operator is None:
        return _send_to_sign_in()
    if g.operator.must_renew and request.endpoint not in BEFORE_RENEWAL:
        return _send_to("console_renewal.show")
    if needs is None:
        raise Forbidden
    if isinstance(needs, Permission) and needs not in permissions():
        raise NotAllowed(needs)
    return _check_form() if is_write else None


def confirm(session: Session) -> None:
    """Look again, in the transaction of a write, whether who asks still may; else `NotAllowed`.

    They were let in before it, and an owner may have disabled them since.
    """
    needs = needs_of(str(request.endpoint))
    found = queries.hold_operator(session, operator().id)
    is_active = found.status is OperatorStatus.ACTIVE
    if needs == SIGNED_IN:
        if not is_active:
            raise Forbidden
        return
    allowed = permissions_of(found.roles) if is_active else frozenset()
    if needs not in allowed:
        raise NotAllowed(cast("Permission", needs))


def operator() -> Operator:
    """Return who asks; only behind the guard."""
    return cast("Operator", g.operator)


def permissions() -> frozenset[Permission]:
    """Return what whoever asks may do."""
    found = cast("Operator | None", g.get("operator"))
    return frozenset() if found is None else permissions_of(found.roles)


def doer() -> Doer:
    """Return who asks, for the audit log."""
    return Doer(operator().name, operator().id, address(), g.get("request_id", ""))


def address() -> str:
    """Return where the request comes from, as far as our own proxies tell."""
    return request.remote_addr or ""


def dress(response: Response) -> Response:
    """Give every answer of the console its policy; nothing of it is kept anywhere."""
    response.headers["Content-Security-Policy"] = POLICY
    response.headers.setdefault("Cache-Control", "no-store")
    # Not "no-referrer": a browser would then hide the origin of our own forms, too.
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _find_operator() -> Operator | None:
    token = cookies.session()
    if not token:
        return None
    with ports().begin() as session:
        return signing_in.find_signed_in(session, token, keys=keys(), now=now())


def _check_address() -> None:
    asked.refuse_nul(request.args)
    if "\x00" in request.path:
        raise BadRequest


def _check_form() -> Any:
    if not forgery.is_token(request.form.get("csrf") or _header(), cookies.session()):
        return refusals.show_again(403)
    asked.refuse_nul(request.form)
    return None


def _check_door() -> Any:
    token = request.form.get("csrf", "")
    if not forgery.is_token(token, cookies.door()):
        return redirect(url_for("console_sign_in.show"), code=303)
    asked.refuse_nul(request.form)
    return None


def _send_to_sign_in() -> Any:
    if request.method not in ("GET", "HEAD"):
        return refusals.show_again(401)
    return _send_to("console_sign_in.show", next=request.full_path.rstrip("?"))


def _send_to(endpoint: str, **more: Any) -> Any:
    place = url_for(endpoint, **more)
    if request.headers.get("HX-Request") or request.headers.get("X-Live"):
        return Response(status=401, headers={"HX-Redirect": place})
    return redirect(place, code=303)


def _header() -> str:
    return request.headers.get("X-CSRF-Token", "")
