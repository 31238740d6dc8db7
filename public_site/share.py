"""The page behind an invite, and its poster: what is sold, at what price, until when."""

import base64
import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Final, cast

import segno
from apiflask import APIBlueprint
from flask import Response, abort, current_app, make_response, render_template, request
from sqlalchemy.orm import Session

from public_site.board import Page, Poster, ShareBoard
from public_site.legal import DOCUMENTS, STYLE, Document, policy_for
from public_site.not_found import show_not_found
from public_site.ports import ports
from shop.members.platforms import Platform
from shop.posters import drawing, facts
from shop.posters import queries as posters_queries
from shop.posters import service as posters
from shop.posters.cache import KEPT_FOR
from shop.posters.makers import CodeKind
from shop.referral import queries, service
from shop.referral.rules import read_code

SHARE_STYLE: Final = (
    STYLE
    + """
.price { font-size: 1.9rem; font-weight: 700; color: var(--price); margin-right: .35rem; }
del { color: var(--quiet); }
main { overflow-wrap: anywhere; }
.go { display: inline-block; background: var(--accent); color: var(--paper); font-weight: 600;
  padding: .7rem 1.75rem; border-radius: .5rem; text-decoration: none; }
.code { font: 600 1.1rem/1 ui-monospace, monospace; letter-spacing: .08em; }
.poster { display: block; width: 100%; max-width: 20rem; height: auto; margin: 1.5rem auto 0;
  border: 1px solid var(--line); border-radius: .75rem; }
.scan { display: none; }
.scan svg { width: 10rem; height: 10rem; background: #fff; border-radius: .5rem; }
:root { --price: #c81e1e; }
@media (prefers-color-scheme: dark) { :root { --price: #ff8f8f; } }
@media (min-width: 48rem) { .both { display: grid; grid-template-columns: 1fr 18rem; gap: 2rem; }
  .scan { display: block; } .poster { margin: 0; } }
"""
)
POLICY: Final = policy_for(SHARE_STYLE, images=True)
# Asked about each time, so that prices are right and looks are counted.
PAGE_LASTS: Final = "no-cache"
# As long as we keep it: a name on it may be taken back, and then it must be nowhere for ever.
POSTER_LASTS: Final = f"private, max-age={int(KEPT_FOR.total_seconds())}, immutable"
KEY_CHARACTERS: Final = 16  # of a poster's key, in its address

ICON: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="7" fill="#0a6b4b"/>'
    '<path d="M8 8h16v16H8zM11 13h10M17 10.5v11q0 1-2 .5M16 14l-4.5 5" fill="none"'
    ' stroke="#fff" stroke-width="2"/></svg>'
)

blueprint = APIBlueprint("share", __name__, template_folder="templates", enable_openapi=False)


@blueprint.get("/s/<code>")
def show(code: str) -> Response:
    """Show what somebody invites to, and count the look; an unknown code leads nowhere."""
    _count_page()
    known = read_code(code)
    page = None if known is None else _find_page(known, is_look=request.method == "GET")
    return show_not_found() if page is None else _answer_page(page)


@blueprint.get("/s/<code>/poster.png")
def show_poster(code: str) -> Response:
    """Return the poster; for a week under the address that names just this one."""
    _count_page()
    known = read_code(code)
    page = None if known is None else _find_page(known, is_look=False)
    named = request.args.get("for", Platform.WECHAT.value)
    if page is None or named not in list(Platform):
        abort(404)
    poster = page.posters[Platform(named)]
    is_named = request.args.get("v") == poster.key[:KEY_CHARACTERS]
    if request.if_none_match.contains_weak(poster.key):
        response = Response(status=304)
    else:
        picture = ports().posters.read(
            poster.key, lambda: drawing.draw(poster.facts), now=ports().clock()
        )
        response = Response(picture, content_type="image/png")
    response.headers["ETag"] = f'"{poster.key}"'
    response.headers["Cache-Control"] = POSTER_LASTS if is_named else PAGE_LASTS
    return response


@blueprint.get("/icon.svg")
def show_icon() -> Response:
    """Return the site's icon."""
    response = Response(ICON, content_type="image/svg+xml")
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


def _find_page(code: str, *, is_look: bool) -> Page | None:
    """Return the page of a code, made anew when nobody has just seen it; None of no invite's."""
    board = cast("ShareBoard", current_app.extensions["share_board"])
    page = board.peek(code)
    if page is None:
        with ports().begin() as session:
            try:
                page = _make_page(session, code, now=ports().clock())
            except queries.InviteNotFound:
                return None
            looks = board.take_looks()
            # Who comes back to a page they have is not counted again.
            if is_look and not request.if_none_match.contains_weak(page.etag):
                looks[code] = looks.get(code, 0) + 1
            service.count_views(session, looks)
        board.keep(code, page)
    elif is_look and not request.if_none_match.contains_weak(page.etag):
        board.note_look(code)
    return page


def _make_page(session: Session, code: str, *, now: datetime) -> Page:
    invite = queries.get_invite(session, code)
    shared = posters_queries.view_invite(session, invite)
    codes = posters.want_codes(session, invite.id, now=now)
    base_url = ports().public_base_url
    drawn: dict[Platform, Poster] = {}
    for platform in Platform:
        told = facts.poster_facts(shared, codes, platform, public_base_url=base_url)
        drawn[platform] = Poster(drawing.key_of(told), told)
    url = facts.page_url(code, base_url)
    link = codes.get(CodeKind.WECHAT_LINK)
    version = drawn[Platform.WECHAT].key[:KEY_CHARACTERS]
    body = render_template(
        "share.html",
        document=Document("share.html", shared.title, "", ""),
        documents=DOCUMENTS,
        here="",
        style=SHARE_STYLE,
        shared=shared,
        url=url,
        poster_path=f"/s/{code}/poster.png?v={version}",
        poster_url=f"{url}/poster.png?v={version}",
        poster_size=(drawing.WIDTH, drawing.HEIGHT),
        link=None if link is None else link.url,
        qr=segno.make(url, error="m", micro=False).svg_inline(border=3, omitsize=True),
    ).encode()
    digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()[:18]).decode()
    return Page(body, digest, drawn)


def _answer_page(page: Page) -> Response:
    is_known = request.if_none_match.contains_weak(page.etag)
    response = Response(status=304) if is_known else make_response(page.body)
    for name, value in page_headers(page.etag).items():
        response.headers[name] = value
    return response


def page_headers(etag: str) -> dict[str, str]:
    """Return the headers of a page that are not those of every answer."""
    return {
        "ETag": f'"{etag}"',
        "Cache-Control": PAGE_LASTS,
        "Content-Security-Policy": POLICY,
    }


def _count_page() -> None:
    """Count the request for its address, in the way that the roof has."""
    cast("Callable[[], None]", current_app.extensions["count_page"])()
