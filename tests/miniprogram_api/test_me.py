"""The member's own profile, phone number, consents and account over HTTP."""

import json
from typing import Any

import pytest

from tests.miniprogram_api.world import World

PHONE = "+8613800138000"


class TestProfile:
    """GET and PATCH /v1/me."""

    def test_changes_what_is_sent(self, world: World) -> None:
        """A field left out stays, null empties it."""
        member = world.member()
        member.send("PATCH", "/v1/me", json={"nickname": "小团"})
        member.send("PATCH", "/v1/me", json={"avatar_url": "https://img.example/a.png"})
        me = member.get("/v1/me").get_json()
        assert (me["nickname"], me["avatar_url"]) == ("小团", "https://img.example/a.png")
        member.send("PATCH", "/v1/me", json={"avatar_url": None})
        assert member.get("/v1/me").get_json()["avatar_url"] is None

    @pytest.mark.parametrize(
        "body",
        [
            {"nickname": ""},
            {"nickname": "x" * 41},
            {"nickname": 1},
            {"avatar_url": "javascript:alert(1)"},
            {"avatar_url": "http://img.example/a.png"},
            {"avatar_url": "https://a b/"},
            {"phone": PHONE},
            {"status": "deleted"},
            {"id": "x"},
        ],
    )
    def test_refuses_anything_else(self, world: World, body: Any) -> None:
        """No mass assignment, no scripts for addresses."""
        assert world.member().send("PATCH", "/v1/me", json=body).status_code == 422


class TestPhone:
    """POST /v1/me/phone."""

    def test_is_shown_masked(self, world: World) -> None:
        """Only the first and last digits ever come back."""
        member = world.member()
        answer = member.post("/v1/me/phone", {"credential": f"phone:{PHONE}"})
        assert answer.status_code == 200
        masked = answer.get_json()["phone_masked"]
        assert "*" in masked
        assert "0013" not in masked
        assert PHONE not in json.dumps(member.get("/v1/me").get_json())

    def test_code_is_another_name_for_it(self, world: World) -> None:
        """WeChat calls it a code."""
        assert world.member().post("/v1/me/phone", {"code": f"phone:{PHONE}"}).status_code == 200

    def test_joins_only_when_asked_to(self, world: World) -> None:
        """A number that somebody has is refused, unless the member says that is them too."""
        first, second = world.member(), world.member()
        first.post("/v1/me/phone", {"credential": f"phone:{PHONE}"})
        refused = second.post("/v1/me/phone", {"credential": f"phone:{PHONE}"})
        assert refused.status_code == 409
        joined = second.post("/v1/me/phone", {"credential": f"phone:{PHONE}", "join": True})
        assert joined.status_code == 200
        assert joined.get_json()["id"] == first.id

    @pytest.mark.parametrize(
        "body", [{}, {"phone": PHONE}, {"code": "a", "credential": "b"}, {"code": "a", "join": "y"}]
    )
    def test_refuses_other_shapes(self, world: World, body: Any) -> None:
        """One of the two, and never a bare number."""
        assert world.member().post("/v1/me/phone", body).status_code == 422


class TestConsents:
    """POST /v1/me/consents."""

    def test_are_written_down_with_their_version(self, world: World) -> None:
        """Given and withdrawn, both seen in the export."""
        member = world.member()
        for given in (True, False):
            answer = member.post(
                "/v1/me/consents", {"document": "privacy", "version": "1.0", "given": given}
            )
            assert answer.status_code == 204
        exported = json.dumps(member.post("/v1/me/export").get_json())
        assert "privacy" in exported
        assert "1.0" in exported


class TestL192Export:
    """POST /v1/me/export."""

    def test_l192_holds_only_ones_own(self, world: World) -> None:
        """Orders and profile of this member, nothing of anybody else's."""
        sku_id = world.make_sku(stock=2)
        first, second = world.member("canary-one"), world.member("canary-two")
        mine, theirs = world.bought(first, sku_id), world.bought(second, sku_id)
        answer = first.post("/v1/me/export")
        text = answer.get_data(as_text=True)
        assert answer.headers["Cache-Control"] == "no-store"
        assert mine["order_no"] in text
        assert theirs["order_no"] not in text
        assert second.id not in text
        assert "canary-two" not in text


class TestLeave:
    """DELETE /v1/me."""

    def test_ends_every_sign_in(self, world: World) -> None:
        """204, and no token opens anything any more."""
        here, there = world.member("open-7"), world.member("open-7")
        assert here.send("DELETE", "/v1/me").status_code == 204
        assert here.get("/v1/me").status_code == there.get("/v1/me").status_code == 401

    def test_not_with_open_orders(self, world: World) -> None:
        """409 until they are paid or cancelled."""
        member = world.member()
        member.order(world.make_sku())
        answer = member.send("DELETE", "/v1/me")
        assert (answer.status_code, answer.get_json()["code"]) == (409, "members.unfinished_orders")

    def test_unrevealed_cards_are_given_up_knowingly(self, world: World) -> None:
        """409 first, and gone only when the member says so."""
        member = world.member()
        world.bought(member, world.make_sku())
        answer = member.send("DELETE", "/v1/me")
        assert (answer.status_code, answer.get_json()["code"]) == (409, "members.unrevealed_cards")
        assert member.send("DELETE", "/v1/me?give_up_cards=true").status_code == 204
