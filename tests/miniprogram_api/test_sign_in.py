"""Signing in and out over HTTP."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from shop.members.devices import hash_device
from shop.members.models import SignIn
from shop.members.platforms import Platform
from tests.miniprogram_api.world import World


class TestSignIn:
    """POST /v1/sign-in."""

    @pytest.mark.parametrize("platform", list(Platform))
    def test_makes_a_member_once(self, world: World, platform: Platform) -> None:
        """The same identity is the same member, with another token."""
        first = world.member("open-1", platform)
        second = world.member("open-1", platform)
        assert first.id == second.id
        assert first.token != second.token
        assert first.get("/v1/me").get_json()["platforms"] == [platform.value]

    def test_a_code_is_good_once(self, world: World) -> None:
        """The platform refuses it the second time, and so do we."""
        body = {"platform": "wechat", "code": "open-2:once"}
        assert world.visitor().post("/v1/sign-in", body).status_code == 200
        answer = world.visitor().post("/v1/sign-in", body)
        assert answer.status_code in (401, 409, 422)
        assert answer.get_json()["code"].startswith("members.")

    def test_a_silent_platform_is_503(self, world: World) -> None:
        """With a hint when to come back."""
        world.identities[Platform.WECHAT].is_silent = True
        answer = world.visitor().post("/v1/sign-in", {"platform": "wechat", "code": "a:b"})
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0

    def test_the_answer_is_never_kept(self, world: World) -> None:
        """It holds a token."""
        answer = world.visitor().post(
            "/v1/sign-in", {"platform": "wechat", "code": f"open-3:{uuid4().hex}"}
        )
        assert answer.headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"platform": "wechat"},
            {"platform": "google", "code": "x"},
            {"platform": "wechat", "code": ""},
            {"platform": "wechat", "code": "x" * 129},
            {"platform": "wechat", "code": ["x"]},
            {"platform": "wechat", "code": {"$ne": ""}},
            {"platform": "wechat", "code": "x", "openid": "open-1"},
        ],
    )
    def test_refuses_other_shapes(self, world: World, body: object) -> None:
        """422; nobody can name their own identity."""
        assert world.visitor().post("/v1/sign-in", body).status_code == 422


class TestH128Sessions:
    """Tokens are new each time, end when told, and end by themselves."""

    def test_h128_signing_in_never_takes_over_a_token(self, world: World) -> None:
        """A token sent along with a sign-in is not what comes back."""
        person = world.member("open-4")
        answer = person.post("/v1/sign-in", {"platform": "wechat", "code": f"open-4:{uuid4().hex}"})
        assert answer.get_json()["token"] != person.token

    def test_h128_sign_out_is_effective(self, world: World) -> None:
        """This token is worth nothing from now on; the other device goes on."""
        here, there = world.member("open-5"), world.member("open-5")
        assert here.send("DELETE", "/v1/sign-in").status_code == 204
        assert here.get("/v1/me").status_code == 401
        assert there.get("/v1/me").status_code == 200

    def test_h128_sign_out_everywhere(self, world: World) -> None:
        """Every device of this member, and nobody else's."""
        here, there, other = world.member("open-6"), world.member("open-6"), world.member()
        assert here.send("DELETE", "/v1/sign-ins").status_code == 204
        assert here.get("/v1/me").status_code == there.get("/v1/me").status_code == 401
        assert other.get("/v1/me").status_code == 200

    def test_h128_a_token_ends_after_thirty_days(self, world: World) -> None:
        """Good to the last second, and no longer."""
        person = world.member()
        world.now += timedelta(days=30) - timedelta(seconds=1)
        assert person.get("/v1/me").status_code == 200
        world.now += timedelta(seconds=1)
        assert person.get("/v1/me").status_code == 401


class TestDevice:
    """What the client calls its device."""

    def test_only_its_keyed_hash_is_kept(self, world: World) -> None:
        """Neither the row nor the export has the name itself."""
        body = {"platform": "wechat", "code": f"open-9:{uuid4().hex}", "device_id": "canary-device"}
        assert world.visitor().post("/v1/sign-in", body).status_code == 200
        with world.begin() as session:
            (kept,) = session.scalars(select(SignIn.device_hash))
        assert kept == hash_device("canary-device", key=world.ports.device_hash_key)
        assert hash_device("canary-device", key=bytes(32)) != kept

    @pytest.mark.parametrize("device_id", ["short", "a" * 129, "with space", "团卡" * 4, 12345678])
    def test_other_forms_are_refused(self, world: World, device_id: object) -> None:
        """A device has a name of letters and digits, or none."""
        body = {"platform": "wechat", "code": "open-9:x", "device_id": device_id}
        assert world.visitor().post("/v1/sign-in", body).status_code == 422
