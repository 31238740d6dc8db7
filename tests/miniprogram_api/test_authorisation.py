"""Who may do what: a matrix generated from the URL map, so that no route is forgotten."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from app.factory import assemble
from app.options import WebOptions
from tests.miniprogram_api.owned import BODIES_OF_OWNED, OWNED, own
from tests.miniprogram_api.world import Person, World

OPEN = {
    ("POST", "/v1/sign-in"),
    ("GET", "/v1/home"),
    ("GET", "/v1/products"),
    ("GET", "/v1/products/<uuid:product_id>"),
    ("GET", "/v1/campaigns"),
    ("GET", "/v1/campaigns/<uuid:campaign_id>"),
    ("GET", "/v1/campaigns/<uuid:campaign_id>/groups"),
    ("GET", "/v1/campaigns/<uuid:campaign_id>/draw"),
    ("GET", "/v1/groups/<uuid:group_id>"),
    ("GET", "/v1/sheets/<uuid:sheet_id>"),
}
# What everybody may see by its id belongs to nobody; what a stranger may do there is told apart.
EVERYBODYS = ("campaign_id", "group_id", "sheet_id", "invite_code")
BODIES: dict[str, Any] = BODIES_OF_OWNED | {
    "POST /v1/orders": {"lines": [{"sku_id": str(uuid4()), "quantity": 1}]},
    "POST /v1/orders/<uuid:order_id>/payments": {"channel": "wechat_pay"},
    "POST /v1/orders/<uuid:order_id>/refunds": {},
    "POST /v1/me/phone": {"credential": "phone:+8613800138000"},
    "POST /v1/me/consents": {"document": "terms", "version": "1.0"},
    "PATCH /v1/me": {},
    "POST /v1/campaigns/<uuid:campaign_id>/groups": {},
    "POST /v1/campaigns/<uuid:campaign_id>/claims": {},
    "POST /v1/campaigns/<uuid:campaign_id>/purchase-tokens": {},
    "POST /v1/groups/<uuid:group_id>/seats": {},
    "POST /v1/invites": {},
    "POST /v1/chat-groups/visits": {"code": "stranger:1", "encrypted_data": "g", "iv": "i"},
    "POST /v1/subscribe-grants": {"answers": {"T1": "accept"}},
    "PATCH /v1/inbox/settings": {"muted_kinds": []},
    "POST /v1/sheets": {
        "title": "接龙",
        "ends_at": "2026-11-21T12:00:00Z",
        "items": [{"sku_id": str(uuid4()), "price_fen": 900}],
    },
    "POST /v1/sheets/<uuid:sheet_id>/orders": {"lines": [{"sku_id": str(uuid4()), "quantity": 1}]},
}
# What a member gets who has nothing to do with the group or sheet.
STRANGERS: dict[str, tuple[int, str | None]] = {
    "POST /v1/campaigns/<uuid:campaign_id>/claims": (409, "sold_out"),
    "POST /v1/campaigns/<uuid:campaign_id>/purchase-tokens": (201, None),
    "POST /v1/campaigns/<uuid:campaign_id>/reminders": (409, "ended"),
    "POST /v1/campaigns/<uuid:campaign_id>/waitlist": (201, None),
    "GET /v1/campaigns/<uuid:campaign_id>/waitlist": (404, "flash_sale.not_waiting"),
    "DELETE /v1/campaigns/<uuid:campaign_id>/waitlist": (404, "flash_sale.not_waiting"),
    "POST /v1/campaigns/<uuid:campaign_id>/groups": (201, None),
    "POST /v1/groups/<uuid:group_id>/seats": (201, None),
    "GET /v1/groups/<uuid:group_id>/seats/mine": (200, None),
    "DELETE /v1/groups/<uuid:group_id>/seats/mine": (404, "group_buy.not_in_group"),
    "POST /v1/groups/<uuid:group_id>/nudge": (404, "group_buy.not_in_group"),
    "POST /v1/sheets/<uuid:sheet_id>/orders": (409, "orders.sku_not_for_sale"),
    "GET /v1/sheets/<uuid:sheet_id>/orders/mine": (200, None),
    "DELETE /v1/sheets/<uuid:sheet_id>/orders/mine": (404, "group_buy.not_on_sheet"),
    "POST /v1/sheets/<uuid:sheet_id>/close": (403, "group_buy.not_your_sheet"),
    "POST /v1/sheets/<uuid:sheet_id>/cancel": (403, "group_buy.not_your_sheet"),
    "GET /v1/sheets/<uuid:sheet_id>/export": (403, "group_buy.not_your_sheet"),
    "POST /v1/invites/<invite_code>/open": (204, None),
}


# What these routes are about is a flash sale, not a campaign of groups.
OF_A_SALE = ("claims", "purchase-tokens", "reminders", "waitlist")


def routes() -> Iterator[tuple[str, str]]:
    """Yield each method and rule under /v1."""
    for rule in assemble(WebOptions()).url_map.iter_rules():
        if rule.rule.startswith("/v1/"):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield method, rule.rule


ROUTES = sorted(routes())
CLOSED = [route for route in ROUTES if route not in OPEN]
BY_ID = [route for route in CLOSED if "<" in route[1]]
SHARED = [route for route in BY_ID if re.findall(r"[<:](\w+)>", route[1])[0] in EVERYBODYS]
OBJECTS = [route for route in BY_ID if route not in SHARED]


def call(person: Person, method: str, rule: str, ids: dict[str, str]) -> TestResponse:
    """Send a well-formed request to the route."""
    path = rule
    if rule.rsplit("/", 1)[1] in OF_A_SALE:
        ids = ids | {"campaign_id": ids["sale_id"]}
    for name, value in ids.items():
        path = path.replace(f"<uuid:{name}>", value).replace(f"<{name}>", value)
    assert "<" not in path, "a new kind of id: add it to this matrix"
    body = BODIES.get(f"{method} {rule}")
    more = {} if body is None else {"json": body}
    return person.send(method, path, key=uuid4().hex, **more)


def absent() -> dict[str, str]:
    """Return ids of nothing."""
    return {name: str(uuid4()) for name in (*OWNED, *EVERYBODYS)}


class TestH121Matrix:
    """Each route × anonymous, other member, owner."""

    def test_h121_the_matrix_is_whole(self) -> None:
        """Every open route is open by intent, and there is something to test."""
        assert set(ROUTES) >= OPEN
        assert len(CLOSED) >= 15
        assert len(OBJECTS) >= 5
        assert {f"{method} {rule}" for method, rule in SHARED} == set(STRANGERS)

    @pytest.mark.parametrize(("method", "rule"), CLOSED)
    def test_h121_anonymous_is_refused(self, world: World, method: str, rule: str) -> None:
        """401 before anything of the request is looked at, whatever the body."""
        answer = call(world.visitor(), method, rule, absent())
        assert (answer.status_code, answer.get_json()["code"]) == (401, "sign_in_required")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        nonsense = world.visitor().send(method, rule.replace("<uuid:", "").replace(">", ""))
        assert nonsense.status_code in (401, 404)

    @pytest.mark.parametrize(("method", "rule"), OBJECTS)
    def test_h121_a43_what_belongs_to_another_does_not_exist(
        self, world: World, method: str, rule: str
    ) -> None:
        """404, the same in every word as for an id that never was."""
        ids = own(world, world.member())
        other = world.member()
        foreign = call(other, method, rule, ids)
        missing = call(other, method, rule, absent())
        assert foreign.status_code == missing.status_code == 404
        ignored = {"request_id"}
        assert {k: v for k, v in foreign.get_json().items() if k not in ignored} == {
            k: v for k, v in missing.get_json().items() if k not in ignored
        }

    @pytest.mark.parametrize(("method", "rule"), SHARED)
    def test_h121_strangers_do_what_strangers_may(
        self, world: World, method: str, rule: str
    ) -> None:
        """As listed, and 404 for an id that never was."""
        stranger = world.member()
        foreign = call(stranger, method, rule, own(world, world.member()))
        body = foreign.get_json(silent=True) or {}
        assert (foreign.status_code, body.get("code")) == STRANGERS[f"{method} {rule}"]
        assert call(stranger, method, rule, absent()).status_code == 404

    @pytest.mark.parametrize(("method", "rule"), BY_ID)
    def test_h121_the_owner_is_served(self, world: World, method: str, rule: str) -> None:
        """Neither 401 nor 404: the matrix above did not pass for another reason."""
        owner = world.member()
        answer = call(owner, method, rule, own(world, owner))
        assert answer.status_code in (200, 201, 204, 409), answer.get_json()

    @pytest.mark.parametrize(("method", "rule"), [route for route in ROUTES if route in OPEN])
    def test_h121_what_is_open_serves_visitors(self, world: World, method: str, rule: str) -> None:
        """Open routes never ask who it is."""
        answer = call(world.visitor(), method, rule, absent())
        assert answer.status_code != 401

    def test_a43_a_foreign_order_stays_as_it_is(self, world: World) -> None:
        """No refused request changes anything."""
        owner, other = world.member(), world.member()
        ids = own(world, owner)
        before = owner.get(f"/v1/orders/{ids['order_id']}").headers["ETag"]
        for method, rule in OBJECTS:
            call(other, method, rule, ids)
        assert owner.get(f"/v1/orders/{ids['order_id']}").headers["ETag"] == before

    def test_lists_hold_only_ones_own(self, world: World) -> None:
        """Two members with the same wares see two lists."""
        first, second = world.member(), world.member()
        ids = own(world, first)
        own(world, second)
        for path, name in (("/v1/orders", "order_id"), ("/v1/cards", "card_id")):
            mine = [item["id"] for item in first.get(path).get_json()["items"]]
            theirs = [item["id"] for item in second.get(path).get_json()["items"]]
            assert ids[name] in mine
            assert not set(mine) & set(theirs)


class TestH122Tokens:
    """Only a token of ours, in its one form, opens anything."""

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "Bearer",
            "Bearer ",
            "Bearer x",
            f"Bearer {'A' * 42}",
            f"Bearer {'A' * 44}",
            f"Bearer  {'A' * 43}",
            f"Bearer {'A' * 43} ",
            f"Bearer {'A' * 42}'",
            f"Basic {'A' * 43}",
            "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
            "Bearer " + "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE",
        ],
    )
    def test_h122_h127_refuses_any_other(self, world: World, header: str) -> None:
        """401, the same whatever is wrong."""
        answer = world.visitor().get("/v1/me", headers={"Authorization": header})
        assert (answer.status_code, answer.get_json()["code"]) == (401, "sign_in_required")

    def test_h122_the_key_for_figures_opens_nothing_here(self, world: World) -> None:
        """Keys of operations are no tokens of members, and the other way round."""
        member = world.member()
        figures = world.visitor().get(
            "/metrics", headers={"Authorization": f"Bearer {member.token}"}
        )
        assert figures.status_code == 404

    def test_two_headers_are_none(self, world: World) -> None:
        """A second Authorization header is not resolved in anybody's favour."""
        member = world.member()
        answer = world.visitor().get(
            "/v1/me", headers={"Authorization": f"Bearer {member.token},Bearer {member.token}"}
        )
        assert answer.status_code == 401

    def test_never_by_query(self, world: World) -> None:
        """A token in the URL would stand in logs; it is not looked at."""
        member = world.member()
        assert world.visitor().get(f"/v1/me?access_token={member.token}").status_code == 401
