"""What the simulated WeChat and WeCom push: to an address that answers as they want it."""

import pytest
from sandbox_alipay import FormReceiver

OPEN_ID = "o" + "P" * 27
PICTURE = {"media_url": "https://img.example/a.png", "media_type": 2, "version": 2, "scene": 1}


@pytest.fixture
def address(client, form_receiver):
    url = form_receiver.url
    client.post("/sandbox/settings", json={"wecom_callback_url": url, "wechat_callback_url": url})
    return form_receiver


def change(client, chat_id, change, **more):
    order = {"chat_id": chat_id, "change": change} | more
    return client.post("/sandbox/wecom/change-group", json=order)


def test_groups_change_and_somebody_is_told(client, company, address):
    chat_id = company.group()["chat_id"]
    assert change(client, chat_id, "rename", name="二群").json["notice_id"]
    change(client, chat_id, "owner", owner="li")
    found = company.contact("groupchat/get", {"chat_id": chat_id})["group_chat"]
    assert (found["name"], found["owner"]) == ("二群", "li")
    change(client, chat_id, "dismiss")
    assert company.contact("groupchat/get", {"chat_id": chat_id})["errcode"] == 86003
    targets = [item["target"] for item in client.get("/sandbox/notices").json["items"]]
    assert targets == ["wecom.notice"] * 4


def test_it_comes_three_times_until_it_is_taken(client, company, address, eventually):
    address.answers = [500, b"failure", b""]
    company.group()
    notices = eventually(
        lambda: [
            item
            for item in client.get("/sandbox/notices").json["items"]
            if item["state"] == "delivered"
        ]
    )
    assert len(notices[0]["attempts"]) == 3


def test_without_an_address_nobody_is_told(client, company):
    chat_id = company.group()["chat_id"]
    assert change(client, chat_id, "join", count=2).json == {"notice_id": None}
    assert client.get("/sandbox/notices").json["items"] == []


@pytest.mark.parametrize(
    "order",
    [
        {"change": "explode"},
        {"change": "rename"},
        {"change": "owner"},
        {"change": "join", "chat_id": "wrNone"},
    ],
)
def test_odd_changes_are_refused(client, company, order):
    chat_id = company.group()["chat_id"]
    answer = client.post("/sandbox/wecom/change-group", json={"chat_id": chat_id} | order)
    assert answer.status_code == 400


def test_groups_with_a_robot_do_not_change(client, company, address):
    chat_id = company.group(robot=True)["chat_id"]
    assert change(client, chat_id, "dismiss").status_code == 400
    assert client.get("/sandbox/notices").json["items"] == []


def test_an_address_that_gives_nothing_back_is_not_saved(client):
    receiver = FormReceiver()
    answer = client.post("/sandbox/wecom/save-address", json={"url": receiver.url}).json
    receiver.close()
    assert answer == {"saved": False, "status": 501}
    assert client.post("/sandbox/wecom/save-address", json={}).status_code == 400


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({}, 0),
        ({"media_type": 3}, 40097),
        ({"version": 1}, 40097),
        ({"scene": "1"}, 40097),
        ({"media_url": "ftp://x"}, 40097),
        ({"surprise": 1}, 40097),
        ({"openid": "nobody"}, 40003),
        ({"openid": "o" + "Q" * 27}, 61010),
    ],
)
def test_pictures_are_taken_in_as_documented(client, peer, address, changes, errcode):
    names = peer.credentials["wechat"]
    code = client.post("/sandbox/wechat/codes", json={"openid": OPEN_ID}).json["code"]
    query = {"appid": names["app_id"], "secret": names["app_secret"], "js_code": code}
    query["grant_type"] = "authorization_code"
    client.get("/wechat/sns/jscode2session", query_string=query)
    wish = {"grant_type": "client_credential", "appid": names["app_id"]}
    token = client.post(
        "/wechat/cgi-bin/stable_token", json=wish | {"secret": names["app_secret"]}
    ).json["access_token"]
    body = PICTURE | {"openid": OPEN_ID} | changes
    path = f"/wechat/wxa/media_check_async?access_token={token}"
    answer = client.post(path, json=body).json
    assert answer["errcode"] == errcode
    items = client.get("/sandbox/notices").json["items"]
    assert [item["target"] for item in items] == (["wechat.notice"] if errcode == 0 else [])
