"""Saved views: kept under a name, shared with who may see the page, tabs above every list."""

import re
from uuid import UUID

import pytest
from sqlalchemy import select

from console.menu import ENTRIES
from kit.crypto import new_token
from shop.operators import saved_views
from shop.operators.models import SavedView
from tests.console.office import Clerk, Office, hidden
from tests.console.test_campaigns import actions

LIST = "console_orders.list_all"


def save(clerk: Clerk, name: str, query: str = "?status=pending&cursor=AAAA", **more: str) -> int:
    """Save how orders are narrowed, and return the status of the answer."""
    fields = {"page": LIST, "name": name, "query": query, "form_key": new_token(), **more}
    return clerk.post("/views", **fields).status_code


def views(office: Office) -> list[SavedView]:
    """Return what is kept, by name."""
    with office.world.begin() as session:
        return list(session.scalars(select(SavedView).order_by(SavedView.name)))


def bar(page: str) -> str:
    """Return what stands above a list."""
    return page.partition('<nav id="views"')[2].partition("</nav>")[0]


def version(clerk: Clerk, view: SavedView) -> str:
    """Return the version that the forms of a view carry."""
    return hidden(clerk.page("/views").partition(f"/views/{view.id}/change")[2], "version")


class TestSaving:
    def test_a_view_is_a_tab_and_its_address_says_it_all(self, office: Office) -> None:
        clerk = office.clerk("support")
        assert save(clerk, " 待付款 ") == 303
        shown = bar(clerk.page("/orders"))
        assert 'href="/console/orders?status=pending"' in shown  # where one was is not kept
        page = clerk.page("/orders?status=pending")
        assert re.search(r'class="view active"[^>]+>待付款', page)
        assert actions(office) == [("views.save", clerk.name)]
        found = clerk.get("/palette", query_string={"q": "待付"}).get_json()["found"]
        assert {"name": "待付款", "place": "/console/orders?status=pending"} in found

    def test_a_double_click_saves_once_and_lands_on_the_list(self, office: Office) -> None:
        clerk, key = office.clerk("support"), new_token()
        fields = {"page": LIST, "name": "x", "query": "status=paid", "form_key": key}
        places = [clerk.post("/views", **fields).headers["Location"] for _ in range(2)]
        assert places == ["/console/orders?status=paid"] * 2
        assert len(views(office)) == 1

    @pytest.mark.parametrize(
        ("fields", "status"),
        [
            ({"name": ""}, 422),
            ({"name": "x" * 41}, 422),
            ({"name": "a\u202eb"}, 422),
            ({"query": ""}, 422),
            ({"query": "?cursor=AAAA"}, 422),
            ({"query": "status=" + "x" * 1500}, 422),
            ({"page": ""}, 422),
            ({"page": "console_account.show"}, 422),
            ({"page": "console_differences.list_all"}, 403),
        ],
    )
    def test_what_makes_no_view_is_refused(
        self, office: Office, fields: dict[str, str], status: int
    ) -> None:
        clerk = office.clerk("support")
        assert save(clerk, **{"name": "x", "query": "status=paid", **fields}) == status
        assert views(office) == []

    def test_names_are_taken_once_and_tabs_are_few(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(saved_views, "MOST_OWN", 3)
        monkeypatch.setattr(saved_views, "MOST_SHARED", 2)
        first, second = office.clerk("support"), office.clerk("support")
        assert save(first, "a", is_shared="yes") == 303
        assert save(first, "a") == 409
        assert save(second, "a", is_shared="yes") == 303  # others may call theirs the same
        assert save(first, "b", is_shared="yes") == 409
        assert save(first, "b") == 303
        assert save(first, "c") == 303
        assert save(first, "d") == 409


class TestSharing:
    def test_others_see_what_is_shared_and_nothing_else(self, office: Office) -> None:
        owner, other = office.clerk("support"), office.clerk("finance")
        assert save(owner, "shared-one", is_shared="yes") == 303
        assert save(owner, "own-one") == 303
        assert "shared-one" in bar(other.page("/orders"))
        assert "shared-one" in other.page("/views")
        assert "own-one" not in other.page("/views") + other.page("/orders")

    def test_a_shared_view_is_only_for_who_may_see_its_page(self, office: Office) -> None:
        finance, support = office.clerk("finance"), office.clerk("support")
        page = "console_differences.list_all"
        assert save(finance, "open-ones", "status=open", page=page, is_shared="yes") == 303
        assert "open-ones" not in support.page("/views")
        assert support.get("/palette?q=open-ones").get_json()["found"] == []
        view = views(office)[0]
        for act in ("change", "delete"):
            answer = support.post(f"/views/{view.id}/{act}", name="y", version="0")
            assert answer.status_code == 404

    def test_its_owner_changes_it_and_whoever_manages_operators_tidies_up(
        self, office: Office
    ) -> None:
        owner, other = office.clerk("support"), office.clerk("finance")
        manager = office.clerk("owner")
        assert save(owner, "one", is_shared="yes") == 303
        view = views(office)[0]
        seen, path = version(owner, view), f"/views/{view.id}"
        for act in ("change", "delete"):
            assert other.post(f"{path}/{act}", name="y", version=seen).status_code == 403
        changed = owner.post(f"{path}/change", name="two", is_shared="yes", version=seen)
        assert changed.status_code == 303
        assert manager.post(f"{path}/delete", version=seen).status_code == 409  # it is another now
        assert manager.post(f"{path}/delete", version=version(manager, view)).status_code == 303
        assert views(office) == []
        assert [one for one, _ in actions(office)] == ["views.save", "views.change", "views.delete"]

    def test_what_is_somebody_s_own_is_not_there_for_others(self, office: Office) -> None:
        owner, manager = office.clerk("support"), office.clerk("owner")
        assert save(owner, "mine") == 303
        view = views(office)[0]
        for act in ("change", "delete"):
            answer = manager.post(f"/views/{view.id}/{act}", version=version(owner, view), name="y")
            assert answer.status_code == 404
        assert owner.post(f"/views/{UUID(int=1)}/delete", version="0").status_code == 404


class TestBar:
    def test_stands_above_every_list_of_the_menu(self, office: Office) -> None:
        clerk = office.clerk("owner")
        with office.world.app.test_request_context():
            places = {
                entry.endpoint: office.world.app.url_for(entry.endpoint)
                for entry in ENTRIES
                if entry.is_listed
            }
        for endpoint, place in places.items():
            query = {"page": endpoint, "query": "tried=1", "name": "tried-one"}
            assert save(clerk, **query) == 303, endpoint
            shown = bar(clerk.page(place.removeprefix("/console")))
            assert f'href="{place}?tried=1"' in shown, endpoint

    def test_is_hidden_where_there_is_nothing_to_save(self, office: Office) -> None:
        clerk = office.clerk("owner")
        assert re.search(r'<nav id="views"[^>]+ hidden>', clerk.page("/orders"))
        narrowed = clerk.page("/orders?status=paid")
        assert not re.search(r'<nav id="views"[^>]+ hidden>', narrowed)
        assert re.search(r"data-saves>", narrowed)
        assert '<nav id="views"' not in clerk.page("/account")
