"""The simulated WeCom: its token, and what a group robot takes."""

import base64
import hashlib

import pytest
from sandbox_wecom import PNG

MARKDOWN = {"msgtype": "markdown", "markdown": {"content": "**开团**"}}


@pytest.fixture
def key(company):
    return company.group(robot=True)["robot_key"]


def test_a_token_stays_the_same_for_two_hours(company):
    first = company.token()
    assert first["expires_in"] == 7200
    company.later(7000)
    again = company.token()
    assert again["access_token"] == first["access_token"]
    assert again["expires_in"] <= 200
    company.later(7201)
    late = company.post("/externalcontact/groupchat/list", {}, first["access_token"])
    assert late["errcode"] == 42001
    assert company.token()["access_token"] != first["access_token"]


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"corpid": None}, 41002),
        ({"corpsecret": None}, 41004),
        ({"corpid": "ww0"}, 40013),
        ({"corpsecret": "0"}, 40001),
    ],
)
def test_a_token_is_refused_by_errcode(company, changes, errcode):
    answer = company.token(**changes)
    assert answer["errcode"] == errcode
    assert "hint: [" in answer["errmsg"]


def test_more_than_ten_wrong_secrets_a_minute_are_too_many(company, client):
    client.post("/sandbox/settings", json={"rate_limits": True})
    for _ in range(10):
        assert company.token(corpsecret="0")["errcode"] == 40001
    assert company.token()["errcode"] == 45009


def test_calls_need_a_token_a_post_and_json(company, client):
    path = "/wecom/cgi-bin/externalcontact/groupchat/list"
    assert client.post(path, json={}).json["errcode"] == 41001
    assert client.post(f"{path}?access_token=x", json={}).json["errcode"] == 40014
    query = f"{path}?access_token={company.token()['access_token']}"
    assert client.get(query).json["errcode"] == 43002
    assert client.post(query).json["errcode"] == 44002
    assert client.post(query, data=b"{").json["errcode"] == 47001


def test_what_a_robot_says_stands_in_its_group(company):
    group = company.group(robot=True)
    assert group["webhook_url"].endswith(f"/cgi-bin/webhook/send?key={group['robot_key']}")
    assert company.say(group["robot_key"], MARKDOWN)["errcode"] == 0
    [message] = company.arrived(group["chat_id"])
    assert (message["came_by"], message["content"]) == ("robot", MARKDOWN)
    assert company.arrived("elsewhere") == []


def article(**changes):
    return {"title": "开团", "url": "https://a.example/s/1"} | changes


@pytest.mark.parametrize(
    ("kind", "part", "errcode"),
    [
        ("text", {"content": "团" * 682 + "ab"}, 0),
        ("text", {"content": "团" * 682 + "abc"}, 40058),
        ("text", {"content": ""}, 40058),
        ("text", {"content": "a", "mentioned_list": ["@all"]}, 0),
        ("text", {"content": "a", "mentioned_list": "@all"}, 40058),
        ("text", "a", 40058),
        ("markdown", {"content": "团" * 1365 + "a"}, 0),
        ("markdown", {"content": "团" * 1365 + "ab"}, 40058),
        ("markdown_v2", {"content": "团" * 1366}, 40058),
        ("markdown", {"content": "a", "mentioned_list": ["@all"]}, 40058),
        ("news", {"articles": [article()] * 8}, 0),
        ("news", {"articles": [article()] * 9}, 45008),
        ("news", {"articles": []}, 40058),
        ("news", {"articles": [article(url="")]}, 40058),
        ("news", {"articles": [article(title="团" * 43)]}, 40058),
        ("poem", {"content": "a"}, 40008),
    ],
)
def test_a_message_is_counted_in_bytes(company, key, kind, part, errcode):
    assert company.say(key, {"msgtype": kind, kind: part})["errcode"] == errcode


def test_a_picture_comes_with_its_hash(company, key):
    def picture(content, md5=None):
        digest = md5 or hashlib.md5(content, usedforsecurity=False).hexdigest()
        part = {"base64": base64.b64encode(content).decode(), "md5": digest}
        return company.say(key, {"msgtype": "image", "image": part})["errcode"]

    assert picture(PNG) == 0
    assert picture(PNG, md5="0" * 32) == 301019
    assert picture(b"GIF89a") == 40005
    assert picture(PNG + bytes(2 * 1024 * 1024)) == 40009


def test_an_unknown_key_opens_nothing(company, key):
    assert company.say("", MARKDOWN)["errcode"] == 93000
    assert company.say(key + "x", MARKDOWN)["errcode"] == 93000


def test_twenty_messages_a_minute_are_the_most_for_one_robot(company, client, key):
    client.post("/sandbox/settings", json={"rate_limits": True})
    other = company.group(robot="another-key", owner="li")["robot_key"]
    assert [company.say(key, MARKDOWN)["errcode"] for _ in range(21)] == [0] * 20 + [45009]
    assert company.say(other, MARKDOWN)["errcode"] == 0


def test_a_lost_answer_leaves_the_message_there(company, client, set_fault):
    group = company.group(robot=True)
    url = f"/wecom/cgi-bin/webhook/send?key={group['robot_key']}"
    set_fault("wecom.robot", "timeout_after_acting", delay_seconds=0)
    assert client.post(url, json=MARKDOWN).status_code == 504
    set_fault("wecom.robot", "drop")
    assert client.post(url, json=MARKDOWN).status_code == 504
    set_fault("wecom.robot", "error", code="45009")
    assert client.post(url, json=MARKDOWN).json["errcode"] == 45009
    assert len(company.arrived(group["chat_id"])) == 1


def test_the_log_hides_the_keys(company, client, key):
    company.say(key, MARKDOWN)
    company.token()
    paths = [item["path"] for item in client.get("/sandbox/log").json["items"]]
    assert paths[0] == "/wecom/cgi-bin/webhook/send?key=***"
    assert not [path for path in paths if key in path or company.names["corp_secret"] in path]
