"""Undoing what was just done, for ten seconds, by doing its opposite; never where money moves."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from flask import Response, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from console import cookies
from console.acting import acting, earlier_place, keep_place
from console.asked import as_id
from console.door import make_room, may, operator, permissions
from console.orders import ChangedMeanwhile
from console.ports import now, ports
from console.versions import version_of
from console.works import WORKS, Work
from kit.errors import Conflict, NotFound
from shop.operators import queries
from shop.operators.models import OperatorAction

OFFERED_FOR: Final = timedelta(seconds=10)
TAKEN_FOR: Final = timedelta(seconds=20)  # the press may come at the last moment, the request later

blueprint = make_room("undo")


class NothingToUndo(NotFound):
    """There is no such deed of whoever asks that could be undone."""

    code = "nothing_to_undo"
    title = "There is nothing to undo"
    message = "没有可以撤销的操作"


class TooLateToUndo(Conflict):
    """It was offered for a moment, and the moment is over."""

    code = "too_late_to_undo"
    title = "It is too late to undo this here; use the page itself"
    message = "已超过撤销时间，请在页面上操作"


@dataclass(frozen=True, slots=True)
class Offer:
    """What was just done, and where it is undone."""

    action: str
    place: str
    until: datetime


def _undo(work: Work, deed_id: UUID) -> AnyResponse:
    with acting(work.action, work.kind) as deed:
        done = _find(deed.session, deed_id, work)
        place = work.place_of(done.subject)
        deed.subject = done.subject
        if earlier_place(deed) is not None:
            deed.after = {"repeated": True}
            return redirect(place, code=303)
        if deed.now - done.at > TAKEN_FOR:
            raise TooLateToUndo
        # What the members were told is told again.
        work.act(deed, done.subject, str((done.before or {}).get("pause_reason") or ""))
        if version_of(deed.before) != version_of(done.after):
            raise ChangedMeanwhile
        deed.after = {**(deed.after or {}), "undoes": str(deed_id)}
        keep_place(deed, place)
    return redirect(place, code=303)


def _find(session: Session, deed_id: UUID, work: Work) -> OperatorAction:
    """Return one's own deed that this work undoes."""
    done = queries.find_action(session, deed_id)
    if done is None or done.operator_id != operator().id:
        raise NothingToUndo
    known = WORKS.get(done.action)
    if known is None or known.opposite != work.action:
        raise NothingToUndo
    return done


def offer(response: Response) -> Response:
    """Have the next page offer to undo what this request did, if it can be."""
    done = g.get("done")
    if response.status_code != 303 or done is None:
        return response
    action, deed_id = done
    if request.blueprint == blueprint.name:  # what undoes is not undone in its turn
        cookies.take_back(response, cookies.DONE)
    elif action in WORKS and WORKS[action].opposite:
        seconds = int(OFFERED_FOR.total_seconds())
        cookies.give(response, cookies.DONE, str(deed_id), seconds=seconds)
    return response


def offered() -> Offer | None:
    """Return what may be undone on this page, or None."""
    deed_id = as_id(cookies.read(cookies.DONE))
    if deed_id is None or g.get("operator") is None:
        return None
    with ports().begin() as session:
        done = queries.find_action(session, deed_id)
    if done is None or done.operator_id != operator().id:
        return None
    until, opposite = done.at + OFFERED_FOR, _opposite_of(done.action)
    if opposite is None or opposite.needs not in permissions() or until <= now():
        return None
    place = url_for(f"console_undo.{opposite.slug}", deed_id=deed_id)
    return Offer(done.action, place, until)


def _opposite_of(action: str) -> Work | None:
    known = WORKS.get(action)
    return None if known is None else WORKS.get(known.opposite)


def _open(work: Work) -> None:
    """Give what undoes something an address behind its own permission."""

    def undo(deed_id: UUID) -> Any:
        """Do the opposite of one's own deed of a moment ago."""
        return _undo(work, deed_id)

    blueprint.add_url_rule(
        f"/undo/{work.action}/<uuid:deed_id>",
        endpoint=work.slug,
        view_func=may(work.needs)(undo),
        methods=["POST"],
    )


for one in WORKS.values():
    if one.opposite:
        _open(one)
