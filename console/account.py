"""What everybody may change about themselves: password, language, look."""

from flask import Response, make_response, redirect, render_template, request, url_for

from console import asked, cookies, refusals
from console.door import PREFIX, SIGNED_IN, doer, make_room, may, operator
from console.ports import keys, now, ports
from console.words import LANGUAGES, select_language
from shop.operators import own_words
from shop.operators.rules import BadOperator, TriedTooOften

LOOKS = ("light", "dark", "auto")

blueprint = make_room("account")


@blueprint.get("/account")
@may(SIGNED_IN)
def show() -> str:
    """Show who is signed in, with which roles."""
    return render_template("console/account.html", operator=operator(), reason=None)


@blueprint.post("/account/password")
@may(SIGNED_IN)
def change_password() -> Response:
    """Change it, and ask to sign in again everywhere."""
    try:
        own_words.change_password(
            ports().begin,
            operator().id,
            old=request.form.get("old", "")[:200],
            new=request.form.get("new", "")[:400],
            browser=cookies.read(cookies.KNOWN),
            keys=keys(),
            doer=doer(),
            now=now(),
        )
    except (BadOperator, TriedTooOften) as refusal:
        words = refusal.message if select_language() == LANGUAGES[0] else refusal.title
        page = render_template(
            "console/account.html",
            operator=operator(),
            reason=refusal.details.get("reason", words),
        )
        return make_response(page, refusals.status_of(refusal))
    return make_response(redirect(url_for("console_sign_in.show"), code=303))


@blueprint.post("/preferences")
@may(SIGNED_IN)
def choose() -> Response:
    """Remember language and look in this browser."""
    response = make_response(redirect(_back(), code=303))
    language, look = request.form.get("language", ""), request.form.get("look", "")
    if language in LANGUAGES:
        cookies.give(response, cookies.LANGUAGE, language, seconds=cookies.YEAR)
    if look in LOOKS:
        cookies.give(response, cookies.LOOK, look, seconds=cookies.YEAR)
    return response


def _back() -> str:
    """Return the page the choice was made on; never another site's."""
    path = asked.split(request.form.get("back", "")).path
    is_ours = path == PREFIX or path.startswith(f"{PREFIX}/")
    return path if is_ours and "\\" not in path else url_for("console_today.show")
