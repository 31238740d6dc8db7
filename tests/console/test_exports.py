"""The export centre: asked for on any list, handed out to whom it belongs, written down."""

import csv
import io
import re

import pytest

from kit.crypto import new_token
from shop.exports import jobs
from tests.console.office import Clerk, Office
from tests.console.test_campaigns import actions
from tests.console.test_pages import bought


def ask(clerk: Clerk, **fields: str) -> int:
    """Ask for a file and return the answer's number."""
    return clerk.post(
        "/exports", **{"kind": "orders", "format": "csv", "form_key": new_token(), **fields}
    ).status_code


def sweep(office: Office) -> None:
    """Write what is due."""
    world = office.world
    jobs.write_due_exports(world.begin, clock=lambda: world.now, now=world.now)


def place_of(page: str) -> str:
    """Return where the first file of a page is."""
    found = re.search(r'href="/console(/exports/[^"]+/file)"', page)
    assert found is not None, page
    return found[1]


class TestExports:
    def test_a_list_is_asked_for_as_it_is_narrowed(self, office: Office) -> None:
        _support, order = bought(office)
        clerk = office.clerk("finance")
        path = f"/orders?member={order.member_id}&status=fulfilled&csrf=x&format=x"
        form = clerk.page(path).partition('action="/console/exports"')[2].partition("</form>")[0]
        # As a browser sends them the first of a name counts.
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)[::-1])
        assert (fields["member"], fields["status"]) == (str(order.member_id), "fulfilled")
        assert ask(clerk, **{**fields, "format": "csv"}) == 303
        assert "排队中" in clerk.page("/exports")
        assert 'data-live="' in clerk.page("/exports")
        sweep(office)
        page = clerk.page("/exports")
        assert 'data-live="' not in page
        answer = clerk.get(place_of(page))
        rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
        assert [row[0] for row in rows[1:]] == [order.order_no]
        assert answer.headers["Content-Disposition"].startswith("attachment; filename=orders-")
        assert answer.headers["Content-Length"] == str(len(answer.data))
        assert [name for name, _ in actions(office)] == ["exports.ask", "exports.download"]

    @pytest.mark.parametrize("path", ["/orders", "/payments", "/refunds", "/ledger", "/audit"])
    def test_every_list_has_the_button(self, office: Office, path: str) -> None:
        assert 'action="/console/exports"' in office.clerk("owner").page(path)

    def test_nobody_else_gets_it_but_who_sees_all(self, office: Office) -> None:
        clerk, other = office.clerk("finance"), office.clerk("finance")
        assert ask(clerk) == 303
        sweep(office)
        place = place_of(clerk.page("/exports"))
        assert other.get(place).status_code == 404
        assert other.post(place.replace("/file", "/delete")).status_code == 404
        assert other.get("/exports/all").status_code == 403
        auditor = office.clerk("auditor")
        assert clerk.name in auditor.page("/exports/all")
        assert auditor.get(place).status_code == 200

    def test_who_may_not_see_a_list_does_not_export_it(self, office: Office) -> None:
        assert 'action="/console/exports"' not in office.clerk("support").page("/orders")
        assert ask(office.clerk("finance"), kind="audit") == 403
        assert ask(office.clerk("auditor"), kind="audit") == 303

    def test_what_makes_no_sense_is_refused(self, office: Office) -> None:
        clerk = office.clerk("finance")
        for fields in (
            {"kind": "cards"},
            {"format": "pdf"},
            {"since": "yesterday"},
            {"since": "2026-11-02", "until": "2026-11-01"},
        ):
            assert ask(clerk, **fields) == 422, fields
        assert actions(office) == []

    def test_two_clicks_are_one_file_and_six_are_too_many(self, office: Office) -> None:
        clerk, key = office.clerk("finance"), new_token()
        assert [ask(clerk, form_key=key) for _ in range(2)] == [303, 303]
        assert clerk.page("/exports").count("排队中") == 1
        assert [ask(clerk) for _ in range(5)] == [303, 303, 303, 303, 409]

    def test_what_is_deleted_is_gone(self, office: Office) -> None:
        clerk = office.clerk("finance")
        ask(clerk)
        sweep(office)
        place = place_of(clerk.page("/exports"))
        assert clerk.post(place.replace("/file", "/delete")).status_code == 303
        assert clerk.post(place.replace("/file", "/delete")).status_code == 409
        assert clerk.get(place).status_code == 409
        assert "已删除" in clerk.page("/exports")
        assert [name for name, _ in actions(office)] == ["exports.ask", "exports.delete"]
