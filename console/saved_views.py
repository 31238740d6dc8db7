"""Saved views: a list as somebody narrowed it, under a name: tabs above it, and a page of all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from flask import redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from console.acting import acting, earlier_place, keep_place
from console.door import SIGNED_IN, NotAllowed, make_room, may, operator, permissions
from console.menu import ENTRIES, Entry, entries
from console.orders import ChangedMeanwhile
from console.ports import ports
from console.versions import version_of
from shop.operators import queries
from shop.operators import saved_views as kept
from shop.operators.models import SavedView
from shop.operators.rules import Permission
from shop.operators.saved_views import BadView, ViewNotFound

MOST_FIELDS: Final = 20
NOT_OF_A_VIEW: Final = frozenset({"cursor"})  # where somebody was in the list, not what it lists

blueprint = make_room("saved_views")


@dataclass(frozen=True, slots=True)
class Bar:
    """What stands above a list: its views, and how the list is narrowed now."""

    page: str
    query: str
    views: Sequence[SavedView]

    @property
    def is_saved(self) -> bool:
        """Say whether what is shown is one of the views."""
        return any(view.query == self.query for view in self.views)


@blueprint.get("/views")
@may(SIGNED_IN)
def list_all() -> str:
    """Show one's own views and the shared ones, of the pages that one may see."""
    pages = {entry.endpoint: entry for entry in entries(permissions()) if entry.is_listed}
    with ports().begin() as session:
        views = kept.list_all(session, list(pages), operator().id)
        owners = queries.names_of(session, {view.operator_id for view in views})
    return render_template(
        "console/saved_views.html",
        views=views,
        owners=owners,
        pages=pages,
        versions={view.id: version_of(kept.state_of(view)) for view in views},
        is_changeable={view.id: _is_changeable(view) for view in views},
    )


@blueprint.post("/views")
@may(SIGNED_IN)
def save() -> Any:
    """Keep how a list is narrowed, and go back to it."""
    page = _page_of(request.form.get("page", ""))
    query = narrowed(parse_qsl(request.form.get("query", "")[:4000].removeprefix("?")))
    place = f"{url_for(page)}?{query}"
    with acting("views.save", "view") as deed:
        earlier = earlier_place(deed)
        if earlier is not None:
            deed.after = {"repeated": True}
            return redirect(earlier, code=303)
        view = kept.save_view(
            deed.session,
            operator_id=operator().id,
            page=page,
            name=request.form.get("name", ""),
            query=query,
            is_shared=request.form.get("is_shared") == "yes",
            now=deed.now,
        )
        deed.subject, deed.after = str(view.id), kept.state_of(view)
        keep_place(deed, place)
    return redirect(place, code=303)


@blueprint.post("/views/<uuid:view_id>/change")
@may(SIGNED_IN)
def change(view_id: UUID) -> Any:
    """Name it anew, share it, or keep it to oneself."""
    with acting("views.change", "view", str(view_id)) as deed:
        view = _seen(deed.session, view_id)
        deed.before = kept.state_of(view)
        kept.change_view(
            deed.session,
            view,
            name=request.form.get("name", ""),
            is_shared=request.form.get("is_shared") == "yes",
        )
        deed.after = kept.state_of(view)
    return redirect(url_for("console_saved_views.list_all"), code=303)


@blueprint.post("/views/<uuid:view_id>/delete")
@may(SIGNED_IN)
def delete(view_id: UUID) -> Any:
    """Forget it."""
    with acting("views.delete", "view", str(view_id)) as deed:
        view = _seen(deed.session, view_id)
        deed.before, deed.after = kept.state_of(view), {}
        kept.delete_view(deed.session, view)
    return redirect(url_for("console_saved_views.list_all"), code=303)


def bar_of_page() -> Bar | None:
    """Return what stands above this list, or None where the page is no list of the menu."""
    page = str(request.endpoint)
    if not any(entry.endpoint == page and entry.is_listed for entry in ENTRIES):
        return None
    with ports().begin() as session:
        views = kept.list_views(session, page, operator().id)
    return Bar(page, narrowed(request.args.items(multi=True)), views)


def find_views(session: Session, words: str) -> list[tuple[str, str]]:
    """Return name and address of the views whose name holds these words; for the palette."""
    pages = [entry.endpoint for entry in entries(permissions()) if entry.is_listed]
    return [
        (view.name, f"{url_for(view.page)}?{view.query}")
        for view in kept.list_all(session, pages, operator().id)
        if words.lower() in view.name.lower()
    ]


def narrowed(given: Iterable[tuple[str, str]]) -> str:
    """Return a query as views keep it: what narrows the list, in one order."""
    chosen = [(name, value) for name, value in given if value and name not in NOT_OF_A_VIEW]
    return urlencode(sorted(chosen)[:MOST_FIELDS])


def _page_of(endpoint: str) -> str:
    """Return the list that is meant, if whoever asks may see it."""
    found: Entry | None = next(
        (entry for entry in ENTRIES if entry.endpoint == endpoint and entry.is_listed), None
    )
    if found is None:
        raise BadView(field="page")
    if found.needs not in permissions():
        raise NotAllowed(found.needs)
    return found.endpoint


def _seen(session: Session, view_id: UUID) -> SavedView:
    """Return the view, locked, as it was on the page that was shown, if it may be changed."""
    view = kept.lock_view(session, view_id)
    if not _is_changeable(view):
        if view.is_shared and _is_visible(view):
            raise NotAllowed(Permission.MANAGE)
        raise ViewNotFound
    if request.form.get("version") != version_of(kept.state_of(view)):
        raise ChangedMeanwhile
    return view


def _is_changeable(view: SavedView) -> bool:
    """Say whether it is one's own, or a shared one that whoever manages operators tidies up."""
    if view.operator_id == operator().id:
        return True
    return view.is_shared and Permission.MANAGE in permissions() and _is_visible(view)


def _is_visible(view: SavedView) -> bool:
    return any(entry.endpoint == view.page for entry in entries(permissions()))
