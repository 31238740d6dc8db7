"""What members write for others is judged by their platform before anything is written."""

from uuid import uuid4

import pytest

from shop.members.platforms import Platform
from tests.miniprogram_api.hall import Hall
from tests.miniprogram_api.world import World

WECHAT = Platform.WECHAT


@pytest.fixture
def hall(world: World) -> Hall:
    return Hall(world)


class TestNickname:
    def test_is_judged_as_it_will_be_kept_by_the_members_own_platform(self, world: World) -> None:
        member = world.member("open-of-hers", Platform.ALIPAY)
        answer = member.send("PATCH", "/v1/me", json={"nickname": "  小团 "})
        assert answer.status_code == 200
        assert world.checks[Platform.ALIPAY].asked == [("小团", "open-of-hers")]
        assert world.checks[WECHAT].asked == []

    @pytest.mark.parametrize("nickname", ["赌神", "加微信"])
    def test_is_refused_when_something_was_found(self, world: World, nickname: str) -> None:
        member = world.member()
        answer = member.send("PATCH", "/v1/me", json={"nickname": nickname})
        assert (answer.status_code, answer.get_json()["code"]) == (422, "outreach.text_refused")
        assert nickname not in answer.text
        assert member.get("/v1/me").get_json()["nickname"] is None

    def test_waits_while_nobody_judges(self, world: World) -> None:
        member = world.member()
        world.checks[WECHAT].is_silent = True
        change = {"nickname": "小团", "avatar_url": "https://img.example/a.png"}
        answer = member.send("PATCH", "/v1/me", json=change)
        assert (answer.status_code, answer.get_json()["code"]) == (503, "outreach.text_not_judged")
        assert int(answer.headers["Retry-After"]) > 0
        me = member.get("/v1/me").get_json()
        assert (me["nickname"], me["avatar_url"]) == (None, None)

    @pytest.mark.parametrize(
        "change", [{"nickname": None}, {"avatar_url": "https://img.example/a.png"}]
    )
    def test_what_is_no_text_is_not_judged(
        self, world: World, change: dict[str, str | None]
    ) -> None:
        member = world.member()
        world.checks[WECHAT].is_silent = True
        assert member.send("PATCH", "/v1/me", json=change).status_code == 200
        assert world.checks[WECHAT].asked == []

    def test_what_would_not_be_kept_anyway_is_not_judged(self, world: World) -> None:
        answer = world.member().send("PATCH", "/v1/me", json={"nickname": "x" * 41})
        assert answer.status_code == 422
        assert world.checks[WECHAT].asked == []


class TestSheet:
    @pytest.mark.parametrize("name", ["title", "note", "chat_group"])
    def test_all_its_words_are_judged_at_once(self, hall: Hall, name: str) -> None:
        leader = hall.leader()
        asked = hall.world.checks[WECHAT].asked
        asked.clear()
        hall.open(leader, **{name: "端午接龙"})
        [(text, _)] = asked
        assert "端午接龙" in text.split("\n")
        answer = leader.post("/v1/sheets", hall.body(**{name: "赌"}), key=uuid4().hex)
        assert (answer.status_code, answer.get_json()["code"]) == (422, "outreach.text_refused")
        assert len(leader.get("/v1/sheets").get_json()["items"]) == 1

    def test_an_outage_refuses_and_the_same_request_goes_on_later(self, hall: Hall) -> None:
        leader, check = hall.leader(), hall.world.checks[WECHAT]
        body, key = hall.body(), uuid4().hex
        check.is_silent = True
        assert leader.post("/v1/sheets", body, key=key).status_code == 503
        check.is_silent = False
        opened = leader.post("/v1/sheets", body, key=key)
        assert opened.status_code == 201
        check.is_silent = True
        repeated = leader.post("/v1/sheets", body, key=key)
        assert repeated.get_json() == opened.get_json()
        changed = leader.post("/v1/sheets", body | {"title": "另一个"}, key=key)
        assert (changed.status_code, changed.get_json()["code"]) == (
            409,
            "idempotency_key_reused",
        )

    def test_an_outage_stops_no_buying(self, hall: Hall) -> None:
        sheet = hall.open(hall.leader())
        hall.world.checks[WECHAT].is_silent = True
        hall.bought(hall.person(), sheet)
        assert hall.see(sheet)["entries"][0]["number"] == 1

    def test_texts_of_who_may_open_none_are_not_judged(self, hall: Hall) -> None:
        person = hall.person()
        answer = person.post("/v1/sheets", hall.body(), key=uuid4().hex)
        assert answer.status_code == 403
        assert hall.world.checks[WECHAT].asked == []
