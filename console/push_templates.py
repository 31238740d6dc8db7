"""Push templates: texts that are kept for good, looked at before, in versions by their names."""

import re
from dataclasses import replace
from typing import Any, Final

from flask import make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from console import asked, refusals
from console.acting import acting
from console.door import make_room, may, operator
from console.ports import ports
from kit.errors import DomainError
from shop.chat_groups.models import ChatChannel
from shop.operators.rules import Permission
from shop.outreach import planning, queries, watching
from shop.outreach.planning import TemplateKnown
from shop.outreach.push_texts import PLACEHOLDERS, SAMPLE, check_push_text, render_push
from shop.outreach.texts import BadTemplate

PAGE = 20
MOST_TEXT: Final = 4000
VERSIONED: Final = re.compile(r"(.+)-([0-9]{1,4})")
# A name that would mark up, mention and link if it could.
HOSTILE: Final = "[点我](http://evil.example) **特价** <@all>"

blueprint = make_room("push_templates")


@blueprint.get("/push-templates")
@may(Permission.OUTREACH)
def list_all() -> Response:
    """Show the texts, newest first, and a form for another one."""
    typed = {"name": "", "text": ""}
    source = asked.words_of("from")
    if source:
        with ports().begin() as session:
            text = queries.get_template(session, source).text
        typed = {"name": next_version(source), "text": text}
    return _page(typed, 200)


@blueprint.post("/push-templates")
@may(Permission.PUSH)
def keep() -> Response:
    """Show what a text becomes, or keep it for good."""
    typed = {
        "name": request.form.get("name", "").strip()[:80],
        "text": request.form.get("text", "").replace("\r\n", "\n").strip()[:MOST_TEXT],
    }
    try:
        check_push_text(typed["text"])
        if request.form.get("do", "check") == "check":
            return _page(typed, 200, previews=_previews(typed["text"]))
        with acting("pushes.template", "push_template") as deed:
            made = planning.add_template(deed.session, **typed, actor=operator().name, now=deed.now)
            deed.subject, deed.after = made.name, {"name": made.name, "text": made.text}
    except (BadTemplate, TemplateKnown) as refusal:
        return _page(typed, refusals.status_of(refusal), refusal=refusal)
    return redirect(url_for("console_push_templates.list_all"), code=303)


def next_version(name: str) -> str:
    """Return the name that a changed text would have: news → news-2 → news-3."""
    found = VERSIONED.fullmatch(name)
    stem, number = (found[1], int(found[2])) if found else (name, 1)
    return f"{stem}-{number + 1}"


def _previews(text: str) -> dict[str, dict[ChatChannel, str]]:
    """Return the text for an everyday campaign and for one with a hostile name, per channel."""
    facts = {"sample": SAMPLE, "hostile": replace(SAMPLE, campaign=HOSTILE)}
    return {
        name: {channel: render_push(text, each, channel) for channel in ChatChannel}
        for name, each in facts.items()
    }


def _page(
    typed: dict[str, str],
    status: int,
    *,
    refusal: DomainError | None = None,
    previews: dict[str, Any] | None = None,
) -> Response:
    words = asked.words_of("q")
    with ports().begin() as session:
        page = watching.list_some_templates(session, words=words, cursor=asked.cursor(), limit=PAGE)
        uses = watching.count_uses(session, [one.id for one in page.items])
    shown = render_template(
        "console/push_templates.html",
        page=page,
        uses=uses,
        words=words,
        typed=typed,
        refusal=refusal,
        previews=previews,
        hostile=HOSTILE,
        placeholders=PLACEHOLDERS,
    )
    return make_response(shown, status)
