"""Saved views: a list of the console as somebody narrowed it, kept for them or shared."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnExpressionArgument, and_, func, select
from sqlalchemy.orm import Session

from kit.errors import Conflict, Malformed, NotFound
from kit.ids import new_id
from shop.operators.models import SavedView

MOST_OWN: Final = 10  # of one operator on one page
MOST_SHARED: Final = 10  # on one page
MOST_SHOWN: Final = 400  # on the page of all of them
LONGEST_NAME: Final = 40
LONGEST_QUERY: Final = 1000


class ViewNotFound(NotFound):
    """There is no such view, or it is somebody else's own."""

    code = "operators.view_not_found"
    title = "View not found"
    message = "没有找到该视图"


class BadView(Malformed):
    """A view needs a name, and a list that is narrowed by something."""

    code = "operators.bad_view"
    title = "A view needs a name of 1 to 40 characters, and a list that is narrowed"
    message = "视图需要 1 到 40 个字的名称和至少一个筛选条件"


class ViewNameTaken(Conflict):
    """The operator has another view of that name on the page."""

    code = "operators.view_name_taken"
    title = "You have another view with this name on this page"
    message = "该页面已有同名视图"


class TooManyViews(Conflict):
    """The page has as many tabs as fit above a list."""

    code = "operators.too_many_views"
    title = "There are as many views as one page may have; delete one first"
    message = "该页面的视图数量已达上限，请先删除一个"


def list_views(session: Session, page: str, operator_id: UUID) -> Sequence[SavedView]:
    """Return what stands above a list: one's own views, then the shared ones of others."""
    mine = SavedView.operator_id == operator_id
    shared = SavedView.operator_id != operator_id, SavedView.is_shared
    return [
        *session.scalars(_of(page, mine).limit(MOST_OWN)),
        *session.scalars(_of(page, *shared).limit(MOST_SHARED)),
    ]


def list_all(session: Session, pages: Collection[str], operator_id: UUID) -> Sequence[SavedView]:
    """Return one's own views and the shared ones, of these pages."""
    query = select(SavedView).where(
        SavedView.page.in_(pages),
        (SavedView.operator_id == operator_id) | SavedView.is_shared,
    )
    order = SavedView.page, SavedView.operator_id != operator_id, SavedView.name, SavedView.id
    return session.scalars(query.order_by(*order).limit(MOST_SHOWN)).all()


def save_view(
    session: Session,
    *,
    operator_id: UUID,
    page: str,
    name: str,
    query: str,
    is_shared: bool,
    now: datetime,
) -> SavedView:
    """Keep a view; raises `BadView`, `ViewNameTaken` or `TooManyViews`."""
    _alone(session, page)
    view = SavedView(
        id=new_id(),
        operator_id=operator_id,
        page=page,
        name=_name_of(name),
        query=_query_of(query),
        is_shared=is_shared,
        created_at=now,
    )
    _check_room(session, view)
    session.add(view)
    session.flush()  # the page that follows lists it
    return view


def change_view(session: Session, view: SavedView, *, name: str, is_shared: bool) -> None:
    """Give it another name, share it or share it no more; raises as `save_view` does."""
    _alone(session, view.page)
    wanted = SavedView(
        id=view.id,
        operator_id=view.operator_id,
        page=view.page,
        name=_name_of(name),
        query=view.query,
        is_shared=is_shared,
        created_at=view.created_at,
    )
    _check_room(session, wanted)
    view.name, view.is_shared = wanted.name, wanted.is_shared


def delete_view(session: Session, view: SavedView) -> None:
    """Forget it; the addresses that somebody kept of it go on leading to the list."""
    session.delete(view)


def lock_view(session: Session, view_id: UUID) -> SavedView:
    """Return a view, locked and fresh; raises `ViewNotFound`."""
    view = session.get(SavedView, view_id, with_for_update=True, populate_existing=True)
    if view is None:
        raise ViewNotFound
    return view


def state_of(view: SavedView) -> dict[str, Any]:
    """Return what the audit log knows of a view."""
    return {
        "page": view.page,
        "name": view.name,
        "query": view.query,
        "is_shared": view.is_shared,
    }


def _of(page: str, *which: ColumnExpressionArgument[bool]) -> Any:
    chosen = and_(SavedView.page == page, *which)
    return select(SavedView).where(chosen).order_by(SavedView.name, SavedView.id)


def _alone(session: Session, page: str) -> None:
    """Let nobody else change views of the page until our commit: they are counted first."""
    key = func.hashtextextended(f"saved-views:{page}", 0)
    session.execute(select(func.pg_advisory_xact_lock(key)))


def _check_room(session: Session, view: SavedView) -> None:
    others = SavedView.page == view.page, SavedView.id != view.id
    mine = (*others, SavedView.operator_id == view.operator_id)
    if session.scalar(select(SavedView.id).where(*mine, SavedView.name == view.name)) is not None:
        raise ViewNameTaken
    if _count(session, *mine) >= MOST_OWN:
        raise TooManyViews(most=MOST_OWN)
    if view.is_shared and _count(session, *others, SavedView.is_shared) >= MOST_SHARED:
        raise TooManyViews(most=MOST_SHARED)


def _count(session: Session, *which: ColumnExpressionArgument[bool]) -> int:
    return session.scalar(select(func.count()).select_from(SavedView).where(*which)) or 0


def _name_of(given: str) -> str:
    name = given.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise BadView(field="name")
    return name


def _query_of(given: str) -> str:
    if not 1 <= len(given) <= LONGEST_QUERY:
        raise BadView(field="query")
    return given
