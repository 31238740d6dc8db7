"""The simulated WeChat server API: tokens, login codes, phone codes, shipping rules, faults."""

import pytest

UPLOAD = "/wxa/sec/order/upload_shipping_info"


class Mini:
    """A mini-program's server."""

    def __init__(self, client, credentials):
        self.client = client
        self.app = credentials["wechat"]

    def stable(self, **changes):
        body = {
            "grant_type": "client_credential",
            "appid": self.app["app_id"],
            "secret": self.app["app_secret"],
        } | changes
        body = {name: value for name, value in body.items() if value is not None}
        return self.client.post("/wechat/cgi-bin/stable_token", json=body).json

    def plain(self):
        query = {
            "grant_type": "client_credential",
            "appid": self.app["app_id"],
            "secret": self.app["app_secret"],
        }
        return self.client.get("/wechat/cgi-bin/token", query_string=query).json

    def code(self, openid="oSomeone", **more):
        order = {"openid": openid} | more
        return self.client.post("/sandbox/wechat/codes", json=order).json["code"]

    def session(self, code, **changes):
        query = {
            "appid": self.app["app_id"],
            "secret": self.app["app_secret"],
            "js_code": code,
            "grant_type": "authorization_code",
        } | changes
        query = {name: value for name, value in query.items() if value is not None}
        answer = self.client.get("/wechat/sns/jscode2session", query_string=query)
        assert answer.status_code == 200
        return answer.json

    def post(self, path, body, token=None):
        token = token or self.stable()["access_token"]
        return self.client.post(f"/wechat{path}?access_token={token}", json=body).json

    def works(self, token):
        body = {"appid": self.app["app_id"]}
        return self.post("/wxa/sec/order/is_trade_managed", body, token)["errcode"] == 0

    def later(self, seconds):
        self.client.post("/sandbox/clock", json={"offset_seconds": seconds})


@pytest.fixture
def mini(client, peer):
    return Mini(client, peer.credentials)


def test_a_stable_token_stays_the_same_until_five_minutes_before_its_end(mini):
    first = mini.stable()
    assert first["expires_in"] == 7200
    mini.later(6800)
    assert mini.stable()["access_token"] == first["access_token"]
    assert mini.stable()["expires_in"] <= 400
    mini.later(6901)
    second = mini.stable()
    assert second["access_token"] != first["access_token"]
    assert mini.works(first["access_token"])
    assert mini.works(second["access_token"])
    mini.later(7201)
    assert not mini.works(first["access_token"])
    assert mini.works(second["access_token"])


def test_a_forced_token_kills_the_former_at_once(mini):
    first = mini.stable()["access_token"]
    second = mini.stable(force_refresh=True)["access_token"]
    assert mini.post(UPLOAD, {}, first)["errcode"] == 42001
    assert mini.works(second)
    assert mini.stable()["access_token"] == second


def test_forcing_is_limited_to_every_thirty_seconds_and_twenty_a_day(mini, client):
    client.post("/sandbox/settings", json={"rate_limits": True})
    assert "access_token" in mini.stable(force_refresh=True)
    assert mini.stable(force_refresh=True)["errcode"] == 45011
    for times in range(1, 20):
        mini.later(31 * times)
        assert "access_token" in mini.stable(force_refresh=True)
    mini.later(31 * 20)
    assert mini.stable(force_refresh=True)["errcode"] == 45009
    mini.later(86400 + 31 * 20)
    assert "access_token" in mini.stable(force_refresh=True)


def test_an_old_plain_token_dies_five_minutes_after_the_next(mini):
    first = mini.plain()["access_token"]
    second = mini.plain()["access_token"]
    assert mini.works(first)
    mini.later(301)
    assert not mini.works(first)
    assert mini.works(second)


def test_the_two_kinds_of_token_do_not_touch_each_other(mini):
    stable = mini.stable()["access_token"]
    mini.plain()
    mini.later(301)
    assert mini.works(stable)


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"appid": None}, 41002),
        ({"secret": None}, 41004),
        ({"appid": "wx0"}, 40013),
        ({"secret": "0"}, 40125),
        ({"grant_type": "password"}, 40002),
        ({"force_refresh": "yes"}, 47001),
    ],
)
def test_a_token_is_refused_by_errcode(mini, changes, errcode):
    answer = mini.stable(**changes)
    assert answer["errcode"] == errcode
    assert "rid: " in answer["errmsg"]


def test_bodies_need_post_content_and_json_but_no_content_type(mini, client):
    path = "/wechat/cgi-bin/stable_token"
    assert client.get(path).json["errcode"] == 43002
    assert client.post(path).json["errcode"] == 44002
    assert client.post(path, data=b"{").json["errcode"] == 47001
    assert client.post(path, data=b"[]").json["errcode"] == 47001
    assert client.post(path, data=b"{}").json["errcode"] == 41002


def test_a_login_code_opens_one_session(mini):
    code = mini.code(unionid="u-1")
    session = mini.session(code)
    assert (session["openid"], session["unionid"]) == ("oSomeone", "u-1")
    assert session["session_key"]
    assert mini.session(code)["errcode"] == 40163
    assert mini.session("nothing")["errcode"] == 40029
    assert "unionid" not in mini.session(mini.code("oOther"))


def test_a_login_code_lives_five_minutes(mini):
    code = mini.code()
    mini.later(301)
    assert mini.session(code)["errcode"] == 40029


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"appid": "wx0"}, 40013),
        ({"secret": "0"}, 40125),
        ({"js_code": None}, 41008),
        ({"grant_type": "code"}, 40002),
    ],
)
def test_a_login_is_refused_by_errcode(mini, changes, errcode):
    assert mini.session(mini.code(), **changes)["errcode"] == errcode


def test_a_hundred_logins_a_minute_and_user_are_the_most(mini, client):
    client.post("/sandbox/settings", json={"rate_limits": True})
    for _ in range(100):
        assert "openid" in mini.session(mini.code())
    code = mini.code()
    assert mini.session(code)["errcode"] == 45011
    assert "openid" in mini.session(mini.code("oOther"))


def test_a_phone_code_gives_the_number_once(mini, client):
    order = {"phone": "8613800138000", "openid": "oSomeone"}
    code = client.post("/sandbox/wechat/phone-codes", json=order).json["code"]
    path = "/wxa/business/getuserphonenumber"
    info = mini.post(path, {"code": code})["phone_info"]
    assert info["purePhoneNumber"] == "13800138000"
    assert info["watermark"]["appid"] == mini.app["app_id"]
    assert mini.post(path, {"code": code})["errcode"] == 40029
    assert mini.post(path, {})["errcode"] == 41008
    other = client.post("/sandbox/wechat/phone-codes", json=order).json["code"]
    assert mini.post(path, {"code": other, "openid": "oOther"})["errcode"] == 40003
    late = client.post("/sandbox/wechat/phone-codes", json=order).json["code"]
    mini.later(301)
    assert mini.post(path, {"code": late})["errcode"] == 40029
    assert mini.post(path, {"code": mini.code()})["errcode"] == 40029


def test_a_call_needs_a_token(mini, client):
    path = "/wechat/wxa/business/getuserphonenumber"
    assert client.post(path, json={}).json["errcode"] == 41001
    assert client.post(f"{path}?access_token=x", json={}).json["errcode"] == 40001


def test_faults_meet_the_wechat_calls(mini, set_fault):
    set_fault("wechat.code2session", "error", code="-1")
    assert mini.session(mini.code())["errcode"] == -1
    set_fault("wechat.code2session", "error", code="40226")
    assert mini.session(mini.code())["errcode"] == 40226
    code = mini.code()
    set_fault("wechat.code2session", "timeout_after_acting", delay_seconds=0.01)
    with pytest.raises(AssertionError):
        mini.session(code)
    assert mini.session(code)["errcode"] == 40163
    set_fault("wechat.stable_token", "bad_signature")
    assert mini.stable() is None
    set_fault("wechat.stable_token", "drop")
    assert mini.stable() is None
    assert "access_token" in mini.stable()
