"""Many rows at once: what will happen is shown first, then each row is a deed of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import make_response, render_template, request, url_for
from werkzeug.wrappers import Response

from console.acting import acting, earlier_place, keep_place
from console.door import make_room, may, permissions
from console.ports import ports
from console.works import WORKS, Seen, Work
from kit.errors import DomainError, Malformed

MOST: Final = 50
LONGEST_SUBJECT: Final = 64

blueprint = make_room("many")


class NothingPicked(Malformed):
    """No row was chosen."""

    code = "nothing_picked"
    title = "Choose one row at least"
    message = "请先勾选至少一行"


class AlreadyDone(Exception):
    """The form was sent before, and this row is done; nothing of the second sending stays."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row; without a refusal it is done."""

    subject: str
    title: str
    place: str
    refusal: DomainError | None = None


def _ask(work: Work) -> Response:
    picked = _picked(request.args.getlist("pick"))
    return _confirmation(work, picked, 200)


def _do(work: Work) -> Response:
    picked = _picked(request.form.getlist("pick"))
    why = request.form.get("why", "").strip()[:200]
    if work.asks_why and not why:
        return _confirmation(work, picked, 422, is_unsaid=True)
    titles = {seen.subject: seen.title for seen in _look(work, picked)}
    outcomes = [_do_one(work, subject, titles.get(subject, subject), why) for subject in picked]
    done = [one.subject for one in outcomes if one.refusal is None]
    opposite = WORKS.get(work.opposite)
    can_undo = done and opposite is not None and opposite.needs in permissions()
    page = render_template(
        "console/many_done.html",
        work=work,
        outcomes=outcomes,
        done=done,
        undoing=_place(opposite, done) if can_undo and opposite is not None else "",
        opposite=opposite,
    )
    return make_response(page, 200)


def _do_one(work: Work, subject: str, title: str, why: str) -> Outcome:
    place = work.place_of(subject)
    try:
        with acting(work.action, work.kind, subject) as deed:
            if earlier_place(deed, part=subject) is not None:
                raise AlreadyDone
            work.act(deed, subject, why)
            keep_place(deed, place, part=subject)
    except AlreadyDone:
        return Outcome(subject, title, place)
    except DomainError as refusal:
        return Outcome(subject, title, place, refusal)
    return Outcome(subject, title, place)


def _picked(given: Sequence[str]) -> list[str]:
    """Return what was chosen, each row once."""
    picked = list(dict.fromkeys(one[:LONGEST_SUBJECT] for one in given if one.strip()))[:MOST]
    if not picked:
        raise NothingPicked
    return picked


def _look(work: Work, picked: Sequence[str]) -> list[Seen]:
    with ports().begin() as session:
        found = {seen.subject: seen for seen in work.look(session, picked)}
    return [found[subject] for subject in picked if subject in found]


def _confirmation(
    work: Work, picked: Sequence[str], status: int, *, is_unsaid: bool = False
) -> Response:
    seen = _look(work, picked)
    page = render_template(
        "console/many.html",
        work=work,
        seen=seen,
        missing=len(picked) - len(seen),
        ready=sum(one.is_ready for one in seen),
        is_unsaid=is_unsaid,
        typed=request.form,
    )
    return make_response(page, status)


def _place(work: Work, subjects: Sequence[str]) -> str:
    return url_for(f"console_many.ask_{work.slug}", pick=subjects)


def _open(work: Work) -> None:
    """Give a work its two addresses, behind its own permission."""

    def ask() -> Any:
        """Show what will happen to the chosen rows."""
        return _ask(work)

    def do() -> Any:
        """Do it to each of them."""
        return _do(work)

    for name, view, method in (("ask", ask, "GET"), ("do", do, "POST")):
        blueprint.add_url_rule(
            f"/many/{work.action}",
            endpoint=f"{name}_{work.slug}",
            view_func=may(work.needs)(view),
            methods=[method],
        )


for one in WORKS.values():
    _open(one)
