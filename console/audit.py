"""The audit log: who did what, when, to what, and how that stood before and after."""

from flask import render_template

from console import asked
from console.door import make_room, may
from console.ports import ports
from console.words import LABELS
from shop.operators import queries
from shop.operators.rules import Permission

blueprint = make_room("audit")


@blueprint.get("/audit")
@may(Permission.AUDIT)
def list_all() -> str:
    """Show deeds, newest first."""
    actor, subject = asked.words_of("actor"), asked.words_of("subject")
    action = asked.words_of("action")
    with ports().begin() as session:
        page = queries.list_actions(
            session, actor=actor, action=action, subject=subject, cursor=asked.cursor()
        )
        return render_template(
            "console/audit.html",
            page=page,
            actor=actor,
            subject=subject,
            action=action,
            actions=LABELS["action"],
        )
