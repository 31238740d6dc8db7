"""The simulated Alipay: mini-program messages for who subscribed, and the check of texts."""

import json

import pytest
from sandbox_alipay import OPEN_ID

SEND = "alipay.open.app.mini.templatemessage.send"
DETECT = "alipay.security.risk.content.detect"
VALUES = {"keyword1": "端午礼卡", "keyword2": "已成团"}


@pytest.fixture
def template_id(client):
    return client.post("/sandbox/alipay/templates", json={"keywords": 2}).json["template_id"]


@pytest.fixture
def subscribe(client, template_id):
    def order(times=1):
        body = {"open_id": OPEN_ID, "template_id": template_id, "times": times}
        assert client.post("/sandbox/alipay/grants", json=body).status_code == 200

    return order


@pytest.fixture
def send(alipay, template_id):
    def call(values=None, **changes):
        named = VALUES | (values or {})
        data = {name: {"value": value} for name, value in named.items() if value is not None}
        content = {
            "to_open_id": OPEN_ID,
            "user_template_id": template_id,
            "page": "pages/group?id=1",
            "data": json.dumps(data, ensure_ascii=False),
        } | changes
        answer = alipay.call(SEND, content)
        return answer.node.get("sub_code", answer.node["code"])

    return call


def test_one_subscription_is_one_message(client, send, subscribe):
    assert send() == "MSG_UNSUBSCRIBED"
    subscribe(2)
    assert [send(), send(), send()] == ["10000", "10000", "MSG_SINGLE_SD_OVER"]
    subscribe(0)
    assert send() == "MSG_UNSUBSCRIBED"
    items = client.get(f"/sandbox/alipay/messages?open_id={OPEN_ID}").json["items"]
    assert json.loads(items[0]["content"]["data"])["keyword1"] == {"value": "端午礼卡"}
    assert len(items) == len(client.get("/sandbox/books").json["alipay"]["messages"]) == 2


@pytest.mark.parametrize(
    ("values", "changes", "sub_code"),
    [
        ({"keyword2": None}, {}, "USER_TEMPLATE_LACK_KEYWORD"),
        ({"keyword3": "多"}, {}, "MESSAGE_TEMPLATE_KEYWORD_ILLEGAL"),
        ({"keyword1": "团" * 51}, {}, "USER_KEYWORD_LENGTH_ERROR"),
        ({"keyword1": "团" * 50}, {}, "10000"),
        ({"keyword1": "来赌博"}, {}, "DATA_SENSITIVE"),
        ({"keyword1": 7}, {}, "DATA_CONTENT_FORMAT_ERROR"),
        ({}, {"data": "{"}, "DATA_CONTENT_FORMAT_ERROR"),
        ({}, {"data": ""}, "DATA_IS_EMPTY"),
        ({}, {"data": {"keyword1": {"value": "a"}}}, "ILLEGAL_ARGUMENT_PARAMS"),
        ({}, {"to_open_id": "nobody"}, "USER_ID_INVALID"),
        ({}, {"user_template_id": "unknown"}, "USER_TEMPLATE_ILLEGAL"),
        ({}, {"page": "p" * 129}, "PAGE_OVER_LIMIT"),
        ({}, {"page": ""}, "ILLEGAL_ARGUMENT_PARAMS"),
        ({}, {"to_user_id": "2088"}, "ILLEGAL_ARGUMENT_PARAMS"),
    ],
)
def test_a_message_is_refused_by_sub_code(send, subscribe, values, changes, sub_code):
    subscribe()
    assert send(values, **changes) == sub_code
    assert send() == ("10000" if sub_code != "10000" else "MSG_SINGLE_SD_OVER")


def test_a_message_that_another_signed_is_turned_away(alipay, other_key):
    assert alipay.call(SEND, {}, key=other_key).name == "error_response"


def test_a_lost_answer_uses_the_subscription(alipay, send, subscribe, set_fault):
    subscribe()
    set_fault("alipay.message", "timeout_after_acting", delay_seconds=0)
    assert alipay.call(SEND, {}).status_code == 504
    set_fault("alipay.message", "duplicate")
    assert send() == "MSG_SINGLE_SD_OVER"


@pytest.mark.parametrize(
    ("text", "action"), [("端午礼卡", "PASSED"), ("加微信", "REVIEW"), ("赌博", "REJECTED")]
)
def test_a_text_is_judged(alipay, text, action):
    node = alipay.call(DETECT, {"content": text}).node
    assert node["action"] == action
    assert ("keywords" in node) == (action != "PASSED")
    assert alipay.call(DETECT, {}).sub_code == "ILLEGAL_ARGUMENT_PARAMS"


def test_templates_and_subscriptions_are_checked(client, template_id):
    for path, order in (
        ("templates", {"keywords": 0}),
        ("templates", {"keywords": 2, "template_id": 7}),
        ("grants", {"open_id": OPEN_ID, "template_id": "unknown"}),
        ("grants", {"open_id": OPEN_ID, "template_id": template_id, "times": True}),
    ):
        assert client.post(f"/sandbox/alipay/{path}", json=order).status_code == 400
