"""Signing in and out on both platforms, and what happens when a platform does not play along."""

from tests.journeys.people import Person, no_more_trouble, sign_in, sign_in_code, trouble
from tests.running_shop import RunningShop


def test_h128_a_token_is_worth_nothing_after_signing_out(shop: RunningShop, platform: str) -> None:
    person = Person(shop, platform)
    assert person.get("/me")["platforms"] == [platform]
    first = person.token
    assert person.sign_in()["id"] == person.get("/me")["id"]
    assert person.token != first
    assert person.ask("DELETE", "/sign-in").status_code == 204
    assert person.ask("GET", "/me").status_code == 401
    person.token = first
    assert person.get("/me")["platforms"] == [platform]


def test_h128_signing_out_everywhere_ends_every_token(shop: RunningShop, platform: str) -> None:
    person = Person(shop, platform)
    tokens = [person.token]
    person.sign_in()
    tokens.append(person.token)
    assert person.ask("DELETE", "/sign-ins").status_code == 204
    for person.token in tokens:
        assert person.ask("GET", "/me").status_code == 401


def test_a_code_counts_once_and_an_invented_one_never(shop: RunningShop, platform: str) -> None:
    person = Person(shop, platform)
    code = sign_in_code(person)
    assert sign_in(shop, platform, code).status_code == 200
    for refused in (sign_in(shop, platform, code), sign_in(shop, platform, "invented")):
        assert refused.status_code == 401
        assert refused.json()["code"] == "members.code_refused"


def test_j158_a_silent_platform_is_told_and_the_code_still_counts(
    shop: RunningShop, platform: str
) -> None:
    person = Person(shop, platform)
    target = {"wechat": "wechat.code2session", "alipay": "alipay.oauth_token"}[platform]
    code = sign_in_code(person)
    trouble(shop, target, "drop", times=None)
    refused = sign_in(shop, platform, code)
    assert (refused.status_code, refused.json()["code"]) == (503, "members.platform_unavailable")
    assert int(refused.headers["Retry-After"]) > 0
    no_more_trouble(shop)
    assert sign_in(shop, platform, code).status_code == 200


def test_h125_nothing_of_the_platform_is_handed_on(shop: RunningShop, platform: str) -> None:
    person = Person(shop, platform, union_id="union-of-the-person")
    answer = sign_in(shop, platform, sign_in_code(person))
    for secret in (person.open_id, "union-of-the-person", "session_key", "access_token"):
        assert secret not in answer.text
        assert secret not in str(person.get("/me"))


def test_one_union_id_is_one_member(shop: RunningShop, platform: str) -> None:
    first = Person(shop, platform, union_id=f"union-{platform}")
    second = Person(shop, platform, union_id=f"union-{platform}")
    assert first.open_id != second.open_id
    assert first.get("/me")["id"] == second.get("/me")["id"]


def test_h121_without_a_token_nothing_of_a_member_is_seen(shop: RunningShop) -> None:
    for path in ("/v1/me", "/v1/orders", "/v1/cards"):
        answer = shop.request("GET", path)
        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_nickname_is_judged_by_the_platform_and_an_outage_is_told(
    shop: RunningShop, platform: str
) -> None:
    person = Person(shop, platform)
    refused = person.ask("PATCH", "/me", {"nickname": "赌博之王"})
    assert (refused.status_code, refused.json()["code"]) == (422, "outreach.text_refused")
    trouble(shop, f"{platform}.content_check", "drop", times=None)
    silent = person.ask("PATCH", "/me", {"nickname": "小团"})
    assert (silent.status_code, silent.json()["code"]) == (503, "outreach.text_not_judged")
    no_more_trouble(shop)
    assert person.get("/me")["nickname"] is None
    assert person.ask("PATCH", "/me", {"nickname": "小团"}).json()["nickname"] == "小团"
