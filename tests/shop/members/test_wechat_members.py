"""Sign-in, phone number and delivery report at WeChat, and wechatpy's traps on the way."""

import json
import logging
import threading
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis import Redis

from shop.members.platforms import CodeRefused, PlatformUnavailable
from shop.members.wechat import WechatMembers
from tests.doubles.http import Answer, ScriptedServer
from tests.doubles.wechat import APP_ID, APP_SECRET, TOKEN, Wechat, make_api, query_of
from tests.servers import free_port

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SESSION = "/sns/jscode2session"
PHONE = "/wxa/business/getuserphonenumber"
PERSON = {"openid": "o" + "A" * 27, "session_key": "very-secret", "unionid": "u1"}


def phone_answer(*, at: datetime = NOW, app_id: str = APP_ID, **changes: Any) -> dict[str, Any]:
    info = {
        "phoneNumber": "13800138000",
        "purePhoneNumber": "13800138000",
        "countryCode": "86",
        "watermark": {"timestamp": int(at.timestamp()), "appid": app_id},
    }
    return {"errcode": 0, "errmsg": "ok", "phone_info": info | changes}


@pytest.fixture
def wechat() -> Iterator[Wechat]:
    with ScriptedServer() as server:
        yield Wechat(server)


@pytest.fixture
def members(wechat: Wechat, redis: "Redis") -> WechatMembers:
    return WechatMembers(make_api(wechat.server, redis))


class TestIdentify:
    def test_returns_who_it_is_without_the_session_key(
        self, wechat: Wechat, members: WechatMembers
    ) -> None:
        wechat.answers[SESSION] = [PERSON]
        identity = members.identify(code="c1")
        assert (identity.app_id, identity.open_id, identity.union_id) == (
            APP_ID,
            PERSON["openid"],
            "u1",
        )
        assert "very-secret" not in repr(identity)

    def test_trap_w1_signing_in_needs_and_sends_no_access_token(
        self, wechat: Wechat, members: WechatMembers
    ) -> None:
        wechat.answers[SESSION] = [{"openid": "o1", "session_key": "k"}]
        assert members.identify(code="c1").union_id is None
        (asked,) = wechat.server.asked
        assert query_of(asked) == {
            "appid": [APP_ID],
            "secret": [APP_SECRET],
            "js_code": ["c1"],
            "grant_type": ["authorization_code"],
        }

    @pytest.mark.parametrize("errcode", [40029, 40163, 40226])
    def test_refuses_a_code_the_platform_refuses(
        self, wechat: Wechat, members: WechatMembers, errcode: int
    ) -> None:
        wechat.answers[SESSION] = [{"errcode": errcode, "errmsg": "no, rid: 1"}]
        with pytest.raises(CodeRefused):
            members.identify(code="c1")

    @pytest.mark.parametrize(
        "told",
        [
            {"errcode": 45011, "errmsg": "slower"},
            {"errcode": 45009, "errmsg": "quota"},
            {"errcode": 40013, "errmsg": "appid"},
            {"errcode": 40125, "errmsg": "secret"},
            {"errcode": -1, "errmsg": "busy"},
            {"openid": ""},
            {},
            [],
            Answer(500, b"oops"),
            Answer(504, b"<html>"),
            Answer(200, b"<html>"),
            Answer(302, b"", {"Location": "http://127.0.0.1:9/"}),
        ],
    )
    def test_everything_else_is_unavailable(
        self, wechat: Wechat, members: WechatMembers, told: Any
    ) -> None:
        wechat.answers[SESSION] = [told]
        with pytest.raises(PlatformUnavailable):
            members.identify(code="c1")

    def test_tries_once_more_when_the_platform_is_busy(
        self, wechat: Wechat, members: WechatMembers
    ) -> None:
        wechat.answers[SESSION] = [{"errcode": -1, "errmsg": "busy"}, PERSON]
        assert members.identify(code="c1").open_id == PERSON["openid"]

    def test_no_secret_reaches_an_exception_or_a_log(
        self, wechat: Wechat, redis: "Redis", caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        wechat.answers[SESSION] = [Answer(500)]
        code = "code-of-a-" + "member"
        deaf = f"http://127.0.0.1:{free_port()}"
        for base_url in (f"{wechat.server.url}/wechat", deaf):
            members = WechatMembers(make_api(wechat.server, redis, base_url=base_url))
            with pytest.raises(PlatformUnavailable) as failure:
                members.identify(code=code)
            text = "".join(traceback.format_exception(failure.value)) + caplog.text
            assert APP_SECRET not in text
            assert code not in text


class TestPhoneNumber:
    def test_returns_digits_with_the_country(self, wechat: Wechat, members: WechatMembers) -> None:
        wechat.answers[PHONE] = [phone_answer()]
        assert members.phone_number(credential="p1", now=NOW) == "+8613800138000"
        (asked,) = wechat.calls(PHONE)
        assert json.loads(asked.body) == {"code": "p1"}

    def test_trap_w3_the_path_is_the_platforms_not_under_cgi_bin(
        self, wechat: Wechat, members: WechatMembers
    ) -> None:
        wechat.answers[PHONE] = [phone_answer()]
        members.phone_number(credential="p1", now=NOW)
        assert {asked.target.partition("?")[0] for asked in wechat.server.asked} == {
            f"/wechat{TOKEN}",
            f"/wechat{PHONE}",
        }

    def test_trap_w4_bodies_say_that_they_are_json(
        self, wechat: Wechat, members: WechatMembers
    ) -> None:
        wechat.answers[PHONE] = [phone_answer()]
        members.phone_number(credential="p1", now=NOW)
        types = {asked.headers["Content-Type"] for asked in wechat.server.asked}
        assert types == {"application/json"}

    @pytest.mark.parametrize("minutes", [-6, 6, 60 * 24 * 365])
    def test_trap_w7_a_watermark_of_another_time_is_refused(
        self, wechat: Wechat, members: WechatMembers, minutes: int
    ) -> None:
        wechat.answers[PHONE] = [phone_answer(at=NOW - timedelta(minutes=minutes))]
        with pytest.raises(CodeRefused):
            members.phone_number(credential="p1", now=NOW)

    def test_trap_w7_a_watermark_of_another_application_is_refused(
        self, wechat: Wechat, members: WechatMembers
    ) -> None:
        wechat.answers[PHONE] = [phone_answer(app_id="wx0000000000000000")]
        with pytest.raises(CodeRefused):
            members.phone_number(credential="p1", now=NOW)

    @pytest.mark.parametrize(
        ("told", "kind"),
        [
            ({"errcode": 40029, "errmsg": "code"}, CodeRefused),
            ({"errcode": 45011, "errmsg": "slower"}, PlatformUnavailable),
            ({"errcode": 0, "errmsg": "ok"}, PlatformUnavailable),
            (phone_answer(purePhoneNumber=None), PlatformUnavailable),
            (phone_answer(countryCode="八六"), PlatformUnavailable),
            (phone_answer(watermark=None), PlatformUnavailable),
            (phone_answer(watermark={"appid": APP_ID, "timestamp": "1"}), CodeRefused),
        ],
    )
    def test_names_what_went_wrong(
        self, wechat: Wechat, members: WechatMembers, told: Any, kind: type[Exception]
    ) -> None:
        wechat.answers[PHONE] = [told]
        with pytest.raises(kind):
            members.phone_number(credential="p1", now=NOW)


class TestToken:
    def test_trap_auto_retry_a_token_refused_for_ever_costs_two_calls(
        self, wechat: Wechat, members: WechatMembers
    ) -> None:
        wechat.tokens = ["token-1", "token-2", "token-3"]
        wechat.answers[PHONE] = [{"errcode": 40001, "errmsg": "invalid credential"}]
        with pytest.raises(PlatformUnavailable):
            members.phone_number(credential="p1", now=NOW)
        assert len(wechat.calls(PHONE)) == 2
        assert len(wechat.calls(TOKEN)) == 2

    @pytest.mark.parametrize("errcode", [40001, 40014, 42001])
    def test_a_refused_token_is_replaced_once(
        self, wechat: Wechat, members: WechatMembers, errcode: int
    ) -> None:
        wechat.tokens = ["token-1", "token-2"]
        wechat.answers[PHONE] = [{"errcode": errcode, "errmsg": "token"}, phone_answer()]
        assert members.phone_number(credential="p1", now=NOW) == "+8613800138000"
        used = [query_of(asked)["access_token"] for asked in wechat.calls(PHONE)]
        assert used == [["token-1"], ["token-2"]]
        forced = [json.loads(asked.body)["force_refresh"] for asked in wechat.calls(TOKEN)]
        assert forced == [False, False]

    def test_trap_thread_herd_twenty_threads_fetch_one_token(
        self, wechat: Wechat, members: WechatMembers
    ) -> None:
        wechat.answers[PHONE] = [phone_answer()]
        barrier = threading.Barrier(20)

        def ask() -> None:
            barrier.wait()
            members.phone_number(credential="p1", now=NOW)

        threads = [threading.Thread(target=ask) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(wechat.calls(PHONE)) == 20
        assert len(wechat.calls(TOKEN)) == 1

    def test_trap_process_local_expiry_a_second_process_uses_the_first_ones_token(
        self, wechat: Wechat, redis: "Redis"
    ) -> None:
        wechat.answers[PHONE] = [phone_answer()]
        for _ in range(3):
            members = WechatMembers(make_api(wechat.server, redis))
            members.phone_number(credential="p1", now=NOW)
        assert len(wechat.calls(TOKEN)) == 1

    def test_trap_token_fetch_has_a_timeout_too(self, wechat: Wechat, redis: "Redis") -> None:
        wechat.answers[TOKEN] = [Answer(send=lambda _: time.sleep(1))]
        members = WechatMembers(make_api(wechat.server, redis, timeout_seconds=0.2))
        started = time.monotonic()
        with pytest.raises(PlatformUnavailable):
            members.phone_number(credential="p1", now=NOW)
        assert time.monotonic() - started < 0.9

    @pytest.mark.parametrize(
        "told", [{"errcode": 40125, "errmsg": "secret"}, {"access_token": "", "expires_in": 1}, {}]
    )
    def test_no_token_is_unavailable_not_a_refused_code(
        self, wechat: Wechat, members: WechatMembers, told: Any
    ) -> None:
        wechat.answers[TOKEN] = [told]
        with pytest.raises(PlatformUnavailable):
            members.phone_number(credential="p1", now=NOW)
