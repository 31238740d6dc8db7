"""Pushes that somebody should look at: unsure, unconfirmed, failed; and who wants no messages."""

from typing import Any
from uuid import UUID

from flask import redirect, render_template, request, url_for

from console import asked
from console.acting import acting
from console.door import make_room, may, operator
from console.ports import now, ports
from kit.errors import Malformed
from shop.operators.rules import Permission
from shop.outreach import copy_texts, queries, watching
from shop.outreach.inbox.models import TRANSACTIONAL, NoticeKind
from shop.outreach.uncertain import note_look
from shop.outreach.watching import Watched

PAGE = 30
SEEN = {"there": True, "missing": False}

blueprint = make_room("pushes")


class NotSaid(Malformed):
    """Whoever looked says what they saw."""

    code = "not_said"
    title = "Say whether the message is in the group"
    message = "请选择消息是否在群里"


@blueprint.get("/pushes")
@may(Permission.OUTREACH)
def list_all() -> str:
    """Show pushes, newest first; those of which no answer came unless asked otherwise."""
    watched = asked.choice_of(Watched, "list") or Watched.UNSURE
    with ports().begin() as session:
        page = watching.list_watched(session, watched, cursor=asked.cursor(), limit=PAGE)
        about = queries.about(session, page.items)
        # What is copied by hand is only of use where nothing has arrived.
        is_copied = watched in (Watched.UNSURE, Watched.FAILED)
        copies = copy_texts.list_copies(
            session, page.items if is_copied else [], public_base_url=ports().public_base_url
        )
        return render_template(
            "console/pushes.html",
            page=page,
            about=about,
            copies={one.push.id: one for one in copies},
            watched=watched,
            lists=Watched,
            counts=watching.count_watched(session),
            most=watching.MOST_COUNTED,
            mutes=watching.count_mutes(session),
            kinds=[kind for kind in NoticeKind if kind not in TRANSACTIONAL],
            now=now(),
        )


@blueprint.post("/pushes/<uuid:push_id>/looked")
@may(Permission.PUSH)
def looked(push_id: UUID) -> Any:
    """Write down whether a message of which no answer came is in its group."""
    is_there = SEEN.get(request.form.get("seen", ""))
    if is_there is None:
        raise NotSaid
    with acting("pushes.looked", "push", str(push_id)) as deed:
        push = note_look(
            deed.session, push_id, is_there=is_there, actor=operator().name, now=deed.now
        )
        deed.before = {"status": "sent", "is_certain": False}
        deed.after = {"status": push.status.value, "is_certain": True}
    return redirect(url_for("console_pushes.list_all"), code=303)
