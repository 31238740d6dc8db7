"""Who may do what in the console: each route × each role, generated from the URL map."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from app.factory import assemble
from app.options import WebOptions
from console import door
from console.door import OPEN, PREFIX, SIGNED_IN
from shop.operators.models import Operator, OperatorStatus
from shop.operators.rules import MAY, Permission, Role
from tests.console.office import Office

# What an open route is open for; every other one asks who it is.
OPEN_ROUTES = {
    ("GET", "/console/sign-in"),
    ("POST", "/console/sign-in"),
    ("GET", "/console/assets/<digest>/<name>"),
}
FOREIGN = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)
# Answers of somebody who may: served, sent on, or refused for what the form says.
SERVED = {200, 201, 303, 404, 409, 422}


def routes() -> Iterator[tuple[str, str, Permission | str | None]]:
    """Yield method, rule and what each route of the console asks for."""
    app = assemble(WebOptions())
    for rule in app.url_map.iter_rules():
        if rule.rule == PREFIX or rule.rule.startswith(f"{PREFIX}/"):
            needs = getattr(app.view_functions[rule.endpoint], "needs", None)
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield method, rule.rule, needs


ROUTES = sorted(routes(), key=lambda route: route[:2])
CLOSED = [route for route in ROUTES if route[:2] not in OPEN_ROUTES]
WRITES = [route for route in CLOSED if route[0] == "POST"]


def path_of(rule: str) -> str:
    """Return the rule's path inside the console, with ids of nothing."""
    return re.sub(r"<[^>]+>", lambda _match: str(uuid4()), rule.removeprefix(PREFIX))


def operator_form(page: str, name: str, action: str) -> tuple[str, str]:
    """Return where an operator's form goes, and the version it carries."""
    row = page.partition(f"<td>{name}</td>")[2]
    match = re.search(
        rf'action="/console(/operators/[^"]+/{action})".*?name="version" value="(\w+)"',
        row,
        re.DOTALL,
    )
    assert match is not None, page
    return match[1], match[2]


class TestMatrix:
    def test_h121_every_route_says_what_it_asks_for(self) -> None:
        assert {route[:2] for route in ROUTES if route[2] == OPEN} == OPEN_ROUTES
        assert all(isinstance(needs, Permission) or needs == SIGNED_IN for *_, needs in CLOSED)
        assert len(CLOSED) > 30
        assert len(WRITES) > 15

    def test_every_permission_is_asked_for_somewhere(self) -> None:
        assert {needs for *_, needs in CLOSED} - {SIGNED_IN} == set(Permission)

    @pytest.mark.parametrize("role", [role.value for role in Role])
    def test_h121_h122_a_role_does_what_it_may_and_nothing_else(
        self, office: Office, role: str
    ) -> None:
        clerk = office.clerk(role)
        csrf = clerk.csrf()
        for method, rule, needs in CLOSED:
            if rule == "/console/sign-out":
                continue
            fields = {"csrf": csrf} if method == "POST" else None
            answer = clerk.client.open(f"/console{path_of(rule)}", method=method, data=fields)
            may = needs == SIGNED_IN or needs in MAY[Role(role)]
            expected = SERVED if may else {403}
            assert answer.status_code in expected, (method, rule, role, answer.status_code)

    def test_h121_strangers_are_sent_to_sign_in(self, office: Office) -> None:
        stranger = office.visitor()
        for method, rule, _needs in CLOSED:
            answer = stranger.client.open(f"/console{path_of(rule)}", method=method)
            if method == "GET":
                assert answer.status_code == 303, rule
                assert answer.headers["Location"].startswith("/console/sign-in?next="), rule
            else:
                assert answer.status_code == 401, rule

    def test_h122_a_member_s_token_opens_nothing(self, office: Office) -> None:
        member = office.world.member()
        stranger = office.visitor()
        stranger.client.set_cookie("console", member.token or "", path="/console")
        assert stranger.get("").status_code == 303
        bearer = {"Authorization": f"Bearer {member.token}"}
        assert stranger.get("/orders", headers=bearer).status_code == 303

    def test_h122_an_operator_s_session_is_no_member(self, office: Office) -> None:
        clerk = office.clerk("owner")
        bearer = {"Authorization": f"Bearer {clerk.token}"}
        assert clerk.client.get("/v1/me", headers=bearer).status_code == 401

    def test_a_disabled_operator_is_out_at_once(self, office: Office) -> None:
        owner, clerk = office.clerk("owner"), office.clerk("support")
        path, version = operator_form(owner.page("/operators"), clerk.name, "disable")
        assert clerk.get("").status_code == 200
        assert owner.post(path, version=version).status_code == 303
        assert clerk.get("").status_code == 303
        assert owner.post(path, version=version).status_code == 409  # they changed meanwhile

    def test_roles_that_are_taken_away_end_at_once(self, office: Office) -> None:
        owner, clerk = office.clerk("owner"), office.clerk("support", "finance")
        assert clerk.get("/differences").status_code == 200
        path, version = operator_form(owner.page("/operators"), clerk.name, "roles")
        assert owner.post(path, version=version, roles=["support"]).status_code == 303
        assert clerk.get("/differences").status_code == 403


class TestMeanwhile:
    """Somebody is let in, and may no more when their write begins."""

    @pytest.mark.parametrize("change", [{"roles": ["auditor"]}, {"status": "disabled"}])
    def test_h121_a_write_is_refused(
        self, office: Office, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
    ) -> None:
        clerk, find = office.clerk("owner"), door._find_operator
        csrf = clerk.csrf()
        targets = {
            "/campaigns/stop-all": {"why": "x"},
            "/operators": {"name": "wang", "roles": ["owner"]},
            f"/operators/{uuid4()}/disable": {},
        }

        def find_and_take_away() -> Operator | None:
            found = find()
            with office.world.begin() as session:
                session.execute(
                    update(Operator).where(Operator.name == clerk.name).values(**change)
                )
            return found

        monkeypatch.setattr(door, "_find_operator", find_and_take_away)
        for path, fields in targets.items():
            with office.world.begin() as session:
                session.execute(
                    update(Operator)
                    .where(Operator.name == clerk.name)
                    .values(roles=["owner"], status=OperatorStatus.ACTIVE)
                )
            assert clerk.post(path, csrf=csrf, **fields).status_code == 403, path


class TestH129Forgery:
    def test_h129_no_write_without_the_session_s_token(self, office: Office) -> None:
        clerk = office.clerk("owner")
        for token in ("", "0" * 64, "é"):
            for _method, rule, _needs in WRITES:
                answer = clerk.post(path_of(rule), csrf=token)
                assert answer.status_code == 403, rule

    def test_h129_another_session_s_token_is_none(self, office: Office) -> None:
        first, second = office.clerk("owner"), office.clerk("owner")
        assert first.post("/campaigns/stop-all", csrf=second.csrf(), why="x").status_code == 403
        assert first.post("/campaigns/stop-all", why="x").status_code == 303

    def test_h129_no_write_from_another_site(self, office: Office) -> None:
        clerk = office.clerk("owner")
        csrf = clerk.csrf()
        for headers in FOREIGN:
            for _method, rule, _needs in WRITES:
                path = f"/console{path_of(rule)}"
                answer = clerk.client.post(path, data={"csrf": csrf}, headers=headers)
                assert answer.status_code == 403, (rule, headers)
            answer = office.visitor().post("/sign-in", csrf="", headers=headers)
            assert answer.status_code == 403

    def test_what_was_typed_is_not_lost_with_the_session(self, office: Office) -> None:
        clerk = office.clerk("planner")
        fields = office.flash_sale(clerk, name="写了很久的名称")
        clerk.client.delete_cookie("console", path="/console")
        answer = clerk.post("/campaigns/new", csrf="", password="secret", **fields)
        text = answer.get_data(as_text=True)
        assert answer.status_code == 401
        assert "写了很久的名称" in text
        assert 'name="sku_id"' in text
        assert "secret" not in text
