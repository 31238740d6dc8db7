"""The simulated WeChat: subscribe messages, one for each grant, and the check of texts."""

import pytest

SEND = "/cgi-bin/message/subscribe/send"
CHECK = "/wxa/msg_sec_check"
OPENID = "o" + "A" * 27
GOOD = {
    "thing1": "端午礼卡",
    "number2": "12.5",
    "letter3": "abc",
    "symbol4": "!?",
    "character_string5": "A-1 b",
    "time6": "15:01",
    "date7": "2019年10月1日",
    "amount8": "¥88.80",
    "phone_number9": "+86-0766-66888866",
    "car_number10": "粤A8Z888",
    "name11": "张三",
    "phrase12": "已成团",
}


class Sender:
    """A mini-program's server that writes to its users."""

    def __init__(self, client, credentials):
        self.client = client
        app = credentials["wechat"]
        wish = {"appid": app["app_id"], "secret": app["app_secret"]}
        wish |= {"grant_type": "client_credential"}
        self.token = client.post("/wechat/cgi-bin/stable_token", json=wish).json["access_token"]
        self.app = app
        order = {"fields": list(GOOD)}
        self.template_id = client.post("/sandbox/wechat/templates", json=order).json["template_id"]

    def grant(self, times=1, openid=OPENID):
        order = {"openid": openid, "template_id": self.template_id, "times": times}
        return self.client.post("/sandbox/wechat/grants", json=order).json

    def post(self, path, body):
        return self.client.post(f"/wechat{path}?access_token={self.token}", json=body).json

    def send(self, values=None, **changes):
        data = {name: {"value": value} for name, value in (GOOD | (values or {})).items()}
        body = {
            "touser": OPENID,
            "template_id": self.template_id,
            "page": "pages/group?id=1",
            "data": {name: part for name, part in data.items() if part["value"] is not None},
        }
        return self.post(SEND, body | changes)

    def visit(self, openid=OPENID):
        code = self.client.post("/sandbox/wechat/codes", json={"openid": openid}).json["code"]
        query = {
            "appid": self.app["app_id"],
            "secret": self.app["app_secret"],
            "js_code": code,
            "grant_type": "authorization_code",
        }
        self.client.get("/wechat/sns/jscode2session", query_string=query)

    def check(self, text, **changes):
        body = {"version": 2, "openid": OPENID, "scene": 3, "content": text} | changes
        return self.post(CHECK, body)

    def arrived(self):
        return self.client.get(f"/sandbox/wechat/messages?openid={OPENID}").json["items"]


@pytest.fixture
def sender(client, peer):
    return Sender(client, peer.credentials)


def test_one_grant_is_one_message(sender):
    assert sender.send()["errcode"] == 43101
    assert sender.grant(2)["times"] == 2
    assert [sender.send()["errcode"] for _ in range(3)] == [0, 0, 43101]
    [first, _] = sender.arrived()
    assert first["content"]["data"]["thing1"] == {"value": "端午礼卡"}
    books = sender.client.get("/sandbox/books").json["wechat"]["subscribe_messages"]
    assert [row["openid"] for row in books] == [OPENID] * 2


def test_a_person_may_take_the_grants_back(sender):
    sender.grant(3)
    assert sender.grant(0)["times"] == 0
    assert sender.send()["errcode"] == 43101


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("thing1", "团" * 21, "invalid"),
        ("thing1", None, "is empty"),
        ("thing1", "", "is empty"),
        ("number2", "1" * 33, "invalid"),
        ("letter3", "中", "invalid"),
        ("symbol4", "!!!!!!", "invalid"),
        ("character_string5", "编号", "invalid"),
        ("time6", "25:01", "invalid"),
        ("time6", "2019-10-01 15:01", "invalid"),
        ("date7", "15:01", "invalid"),
        ("amount8", "八十八元", "invalid"),
        ("amount8", "12345678901", "invalid"),
        ("phone_number9", "1" * 18, "invalid"),
        ("car_number10", "粤A8Z88888", "invalid"),
        ("name11", "张" * 11, "invalid"),
        ("phrase12", "已经成团了呀", "invalid"),
        ("phrase12", "done", "invalid"),
    ],
)
def test_a_value_has_the_form_of_its_type(sender, name, value, said):
    sender.grant()
    answer = sender.send({name: value})
    assert answer["errcode"] == 47003
    assert answer["errmsg"].startswith(f"argument invalid! data.{name}.value {said}")
    assert sender.send()["errcode"] == 0


@pytest.mark.parametrize(
    ("values", "changes", "errcode"),
    [
        ({"time6": "2019年10月1日 15:01~2019年10月1日 16:01"}, {}, 0),
        ({"name11": "Zhang San"}, {}, 0),
        ({"thing2": "x"}, {}, 47003),
        ({"thing1": "来赌博"}, {}, 45168),
        ({}, {"touser": "oNobody"}, 40003),
        ({}, {"template_id": "unknown"}, 40037),
        ({}, {"page": "/pages/group"}, 41030),
        ({}, {"data": {"thing1": "plain"}}, 47003),
        ({}, {"miniprogram_state": "live"}, 40097),
        ({}, {"lang": "de"}, 40097),
        ({}, {"surprise": 1}, 40097),
    ],
)
def test_a_message_is_refused_by_errcode(sender, values, changes, errcode):
    sender.grant()
    assert sender.send(values, **changes)["errcode"] == errcode
    assert len(sender.arrived()) == (errcode == 0)


def test_a_lost_answer_uses_the_grant(sender, set_fault):
    sender.grant()
    set_fault("wechat.subscribe_message", "timeout_after_acting", delay_seconds=0)
    assert sender.send() is None
    assert sender.send()["errcode"] == 43101
    assert len(sender.arrived()) == 1


def test_templates_and_grants_are_checked(client, sender):
    for path, order in (
        ("templates", {"fields": []}),
        ("templates", {"fields": ["poem1"]}),
        ("templates", {"fields": ["thing1"], "template_id": 7}),
        ("grants", {"openid": OPENID, "template_id": "unknown"}),
        ("grants", {"openid": OPENID, "template_id": sender.template_id, "times": -1}),
    ):
        assert client.post(f"/sandbox/wechat/{path}", json=order).status_code == 400


@pytest.mark.parametrize(
    ("text", "suggest", "label"),
    [("端午礼卡", "pass", 100), ("加微信拿返利", "review", 10001), ("赌博", "risky", 20006)],
)
def test_a_text_is_judged(sender, text, suggest, label):
    sender.visit()
    answer = sender.check(text)
    assert answer["result"] == {"suggest": suggest, "label": label}
    assert sender.check("好", title=text)["result"]["suggest"] == suggest


def test_words_are_changed_by_a_setting(client, sender):
    sender.visit()
    client.post("/sandbox/settings", json={"wechat_risky_words": "端午"})
    assert sender.check("端午礼卡")["result"]["suggest"] == "risky"
    assert sender.check("赌博")["result"]["suggest"] == "pass"


def test_only_texts_of_who_was_here_within_two_hours_are_judged(client, sender):
    assert sender.check("好")["errcode"] == 61010
    sender.visit()
    assert sender.check("好")["errcode"] == 0
    assert sender.check("好", openid="oNobody")["errcode"] == 40003
    client.post("/sandbox/clock", json={"offset_seconds": 7000})
    assert sender.check("好")["errcode"] == 0
    client.post("/sandbox/clock", json={"offset_seconds": 7201})
    assert sender.check("好")["errcode"] in (42001, 61010)


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"version": 1}, 40097),
        ({"scene": 5}, 40097),
        ({"content": ""}, 40097),
        ({"content": "团" * 2501}, 45002),
        ({"content": "团" * 2500}, 0),
        ({"title": 1}, 40097),
        ({"surprise": 1}, 40097),
    ],
)
def test_a_check_is_refused_by_errcode(sender, changes, errcode):
    sender.visit()
    assert sender.check("好", **changes)["errcode"] == errcode


def test_both_calls_need_a_token(client):
    for path in (SEND, CHECK):
        assert client.post(f"/wechat{path}?access_token=x", json={}).json["errcode"] == 40001
