"""The first page after somebody else gave out credentials: nothing opens before they are new."""

from flask import make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from console import cookies, refusals
from console.door import SIGNED_IN, doer, make_room, may, operator
from console.ports import keys, now, ports
from console.words import LANGUAGES, select_language
from kit.crypto import same
from kit.errors import DomainError
from shop.operators import own_words, queries
from shop.operators.own_words import NewWords, NothingToRenew
from shop.operators.rules import BadOperator
from shop.operators.secret_words import (
    known_browser,
    new_totp_secret,
    open_offer,
    provisioning_uri,
    seal_offer,
)

blueprint = make_room("renewal")


@blueprint.get("/renew")
@may(SIGNED_IN)
def show() -> Response:
    """Offer a new secret, and ask for a new password."""
    if not operator().must_renew:
        return redirect(url_for("console_today.show"), code=303)
    return _page(new_totp_secret(), 200)


@blueprint.post("/renew")
@may(SIGNED_IN)
def renew() -> Response:
    """Take both, and show new recovery codes once."""
    given = NewWords(
        password=request.form.get("password", "")[:400],
        offer=request.form.get("offer", "")[:400],
        code=request.form.get("code", "")[:20],
    )
    try:
        if not same(given.password, request.form.get("again", "")[:400]):
            raise BadOperator(reason="the two passwords differ")
        codes = own_words.renew(
            ports().begin,
            operator().id,
            given,
            token=cookies.session(),
            keys=keys(),
            doer=doer(),
            now=now(),
        )
    except NothingToRenew:
        return redirect(url_for("console_today.show"), code=303)
    except BadOperator as refusal:
        kept = open_offer(given.offer, operator_id=operator().id, keys=keys())
        return _page(kept or new_totp_secret(), refusals.status_of(refusal), refusal=refusal)
    return _show_codes(codes)


def _page(secret: str, status: int, *, refusal: DomainError | None = None) -> Response:
    reason = None
    if refusal is not None:
        words = refusal.message if select_language() == LANGUAGES[0] else refusal.title
        reason = f"{words}: {refusal.details['reason']}"
    page = render_template(
        "console/renewal.html",
        secret=secret,
        uri=provisioning_uri(operator().name, secret),
        offer=seal_offer(secret, operator_id=operator().id, keys=keys()),
        reason=reason,
        codes=None,
    )
    return make_response(page, status)


def _show_codes(codes: list[str]) -> Response:
    response = make_response(render_template("console/renewal.html", codes=codes))
    with ports().begin() as session:
        found = queries.get_operator(session, operator().id)
        known = known_browser(found.totp_sealed, operator_id=found.id, keys=keys())
    # The new secret made worthless what this browser was known by.
    cookies.give(response, cookies.KNOWN, known, seconds=cookies.YEAR)
    return response
