"""The legal pages, in Chinese: who we are, the terms, how we treat personal data."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

from apiflask import APIBlueprint
from flask import Response, abort, make_response, render_template

blueprint = APIBlueprint("legal", __name__, template_folder="templates", enable_openapi=False)

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1f2328; --quiet: #59636e; --line: #d8dee4;
  --paper: #fff; --accent: #0a6b4b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --quiet: #9da7b1; --line: #30363d;
  --paper: #0d1117; --accent: #58c99a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.75;
  font: 16px/1.75 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
header, main, footer { max-width: 44rem; margin: 0 auto; padding: 1rem 1.25rem; }
header { border-bottom: 1px solid var(--line); display: flex; flex-wrap: wrap; gap: .25rem 1.25rem;
  align-items: baseline; }
header strong { font-size: 1.15rem; margin-right: auto; }
a { color: var(--accent); text-underline-offset: .2em; }
a[aria-current] { color: var(--ink); text-decoration: none; font-weight: 600; }
h1 { font-size: 1.6rem; line-height: 1.3; margin: 1.25rem 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .25rem; }
p, ul { margin: .5rem 0; }
ul { padding-left: 1.25rem; }
.quiet, footer { color: var(--quiet); font-size: .9rem; }
footer { border-top: 1px solid var(--line); margin-top: 2.5rem; }
"""


def policy_for(style: str, *, images: bool = False) -> str:
    """Return the policy of a page with this style sheet, named by its digest, and no script.

    It loads nothing from anywhere, unless `images` of ours.
    """
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; "
        + ("img-src 'self'; " if images else "")
        + "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )


POLICY: Final = policy_for(STYLE)


@dataclass(frozen=True, slots=True)
class Document:
    """A page and the version that consents refer to."""

    template: str
    title: str
    version: str
    since: str


INDEX: Final = Document("legal_index.html", "关于团卡", "1.0", "2026-11-24")
DOCUMENTS: Final = {
    "terms": Document("legal_terms.html", "用户协议", "1.0", "2026-11-24"),
    "privacy": Document("legal_privacy.html", "隐私政策", "1.0", "2026-11-24"),
}


@blueprint.get("/legal")
def show_index() -> Response:
    """Show who we are, and the way to the documents."""
    return render_page(INDEX, here="")


@blueprint.get("/legal/<name>")
def show_document(name: str) -> Response:
    """Show one document."""
    if name not in DOCUMENTS:
        abort(404)
    return render_page(DOCUMENTS[name], here=name)


def render_page(document: Document, *, here: str, status: int = 200) -> Response:
    """Return a page in the site's frame."""
    page = render_template(
        document.template, document=document, documents=DOCUMENTS, here=here, style=STYLE
    )
    response = make_response(page, status)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "public, max-age=300" if status == 200 else "no-store"
    return response
