"""What the platforms push finds its way: a customer group, an avatar, and who came from a group."""

import secrets

import pytest

from tests.journeys.people import Person, eventually
from tests.running_shop import RunningShop

URL = "https://img.example/a.png"


@pytest.fixture
def told(shop: RunningShop) -> RunningShop:
    """Return a shop whose addresses the platforms know."""
    base = shop.settings["PUBLIC_BASE_URL"]
    addresses = {f"{name}_callback_url": f"{base}/callbacks/{name}" for name in ("wecom", "wechat")}
    shop.sandbox.post("settings", addresses)
    return shop


def test_a_customer_group_is_heard_of_and_brings_its_leader_members(told: RunningShop) -> None:
    assert told.sandbox.post("wecom/save-address")["saved"] is True
    assert told.sandbox.post("wecom/save-address", {"corrupt": True})["saved"] is False
    leader, opengid = Person(told, "wechat"), f"t{secrets.token_hex(12)}"
    leader_id = leader.get("/me")["id"]
    assert told.flask("leaders", "approve", leader_id).returncode == 0
    order = {"name": "一群", "owner": "zhang", "opengid": opengid}
    chat_id = told.sandbox.post("wecom/groups", order)["chat_id"]
    words = ("--leader", leader_id, "--name", "一群", "--chat-id", chat_id, "--sender", "zhang")
    assert told.flask("chat-groups", "add", *words).returncode == 0
    for change in (
        {"change": "join", "count": 12},
        {"change": "leave", "count": 3},
        {"change": "rename", "name": "二群"},
        {"change": "owner", "owner": "li"},
    ):
        told.sandbox.post("wecom/change-group", {"chat_id": chat_id, **change})
    wanted = (f"{chat_id} by li", "+12 -3", "二群")
    eventually(lambda: all(word in told.flask("chat-groups", "list").stdout for word in wanted))

    visitor = Person(told, "wechat")
    entry = told.sandbox.post(
        "wechat/group-entries", {"openid": visitor.open_id, "opengid": opengid}
    )
    assert visitor.ask("POST", "/chat-groups/visits", entry).status_code == 204
    assert visitor.ask("POST", "/chat-groups/visits", entry).status_code == 409
    (funnel,) = leader.get("/leader")["chat_group_funnels"]
    assert funnel["members"] == 1

    told.sandbox.post("wecom/change-group", {"chat_id": chat_id, "change": "dismiss"})
    eventually(lambda: "dismissed" in told.flask("chat-groups", "list").stdout)


def test_an_avatar_is_seen_when_wechat_has_found_nothing(told: RunningShop) -> None:
    person = Person(told, "wechat")
    assert person.ask("PATCH", "/me", {"avatar_url": URL}).json()["is_avatar_shown"] is False
    eventually(lambda: person.get("/me")["is_avatar_shown"])
    told.sandbox.post("settings", {"wechat_image_verdict": "risky"})
    person.ask("PATCH", "/me", {"avatar_url": f"{URL}?2"})
    target = "wechat.notice"
    eventually(
        lambda: [
            notice
            for notice in told.sandbox.get(f"notices?target={target}")["items"]
            if notice["state"] == "delivered" and notice["subject"]["media_url"].endswith("?2")
        ]
    )
    told.sandbox.post("settings", {"wechat_image_verdict": "pass"})
    assert person.get("/me")["is_avatar_shown"] is False
