"""Jobs: what is due, late and given up, and events whose handlers gave up, with another try."""

from typing import Any
from uuid import UUID

from flask import redirect, render_template, url_for

from console.acting import Deed, acting
from console.door import make_room, may
from console.ports import look, now, ports
from kit import outbox
from kit.errors import NotFound
from shop.operators.rules import Permission

MOST_STUCK = 100

blueprint = make_room("jobs")


class EventNotStuck(NotFound):
    """There is no such event that waits for a person."""

    code = "event_not_stuck"
    title = "There is no such stuck event"
    message = "没有找到待处理的事件"


@blueprint.get("/jobs")
@may(Permission.JOBS)
def show() -> str:
    """Show how time stands."""
    with ports().begin() as session:
        return render_template(
            "console/jobs.html",
            standing=look(session, now()),
            stuck=outbox.list_stuck(session, most=MOST_STUCK),
        )


@blueprint.post("/jobs/events/<uuid:event_id>/retry")
@may(Permission.RETRY)
def retry(event_id: UUID) -> Any:
    """Give an event to its handlers again; those that are through with it are not run."""
    with acting("events.retry", "event", str(event_id)) as deed:
        hand_out_again(deed, event_id)
    return redirect(url_for("console_jobs.show"), code=303)


def hand_out_again(deed: Deed, event_id: UUID) -> None:
    """Do that; raises `EventNotStuck`."""
    if not outbox.retry(deed.session, event_id, now=deed.now):
        raise EventNotStuck
    deed.before, deed.after = {"status": "stuck"}, {"status": "waiting"}
